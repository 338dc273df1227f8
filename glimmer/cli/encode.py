"""``glimmer encode``: the memory of a passage collection, written once by a trained run's encoder."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from glimmer.cli.arguments import add_device, add_weights, positive
from glimmer.cli.codecs import add_codec, given_codec
from glimmer.data.passages import read_passages
from glimmer.inference.encode import encode_passages
from glimmer.inference.run import load_run
from glimmer.memory import MemoryStore

DESCRIPTION = """\
Encode every passage of a run's corpus with the run's memory layers, and keep the states in a store. Readers of the same
encoder then read passages back instead of encoding them:

  glimmer encode runs/lumen --output runs/lumen/memory
  glimmer evaluate runs/lumen --memory runs/lumen/memory
  glimmer train experiment=lumen memory=stored memory.path=runs/lumen/memory …

A store is refused by a reader with other memory layers, tokenizer or passage format than those that made it.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    Raises:
        GlimmerError: the run, the passages or the output is at fault.
    """
    arguments = _parser().parse_args(argv)
    run = load_run(arguments.run, checkpoint=arguments.checkpoint, data=arguments.data, device=arguments.device)
    passages = run.corpus.passages() if arguments.passages is None else read_passages(arguments.passages).passages
    codec = given_codec(arguments)
    encode_passages(run, passages, arguments.output, codec, batch_size=arguments.batch_size, progress=True)
    store = MemoryStore(arguments.output)
    tokens = store.manifest["tokens"]
    print(
        f"written: {arguments.output}, {len(store):,} passages, {tokens:,} tokens, "
        f"{tokens * store.codec.bytes_per_token / 1e6:,.1f} MB"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="glimmer encode", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_weights(options)
    options.add_argument("--output", metavar="DIR", type=Path, required=True, help="folder of the store; must be new")
    options.add_argument("--passages", metavar="FILE", type=Path, help="passages.jsonl (default: the run's corpus)")
    add_codec(options)
    options.add_argument("--data", metavar="DIR", help="folder of the corpus (default: the run's)")
    options.add_argument(
        "--batch-size", type=positive, default=64, metavar="N", help="passages at once (default: %(default)s)"
    )
    add_device(options)
    return options
