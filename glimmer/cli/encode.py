"""``glimmer encode``: the memory of a passage collection, written once by a trained run's encoder."""

import argparse
import os
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from glimmer.cli.arguments import add_device, add_weights, positive
from glimmer.cli.codecs import add_codec, given_codec
from glimmer.data.passages import read_passages
from glimmer.errors import ConfigError
from glimmer.inference.encode import encode_passages
from glimmer.inference.run import load_run
from glimmer.memory import MemoryStore
from glimmer.memory.check import check_vacant
from glimmer.memory.layout import MANIFEST
from glimmer.memory.writer import Share
from glimmer.training.build import choose_device
from glimmer.training.config import TrainerConfig
from glimmer.training.distributed import use_own_device
from glimmer.training.launch import launch

DESCRIPTION = """\
Encode every passage of a run's corpus with the run's memory layers, and keep the states in a store. Readers of the same
encoder then read passages back instead of encoding them:

  glimmer encode runs/lumen --output runs/lumen/memory
  glimmer evaluate runs/lumen --memory runs/lumen/memory
  glimmer train experiment=lumen memory=stored memory.path=runs/lumen/memory …

A store is refused by a reader with other memory layers, tokenizer or passage format than those that made it. Stopped,
the same command goes on from the last finished shard. --processes, torchrun, or --share in several jobs on machines
that share a disk, divide the shards among processes; the last of them completes the store.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    Raises:
        GlimmerError: the run, the passages or the output is at fault.
    """
    arguments = _parser().parse_args(argv)
    if arguments.share is None and "WORLD_SIZE" not in os.environ:
        check_vacant(arguments.output)
    if _on_cuda(arguments) and arguments.processes > torch.cuda.device_count():
        raise ConfigError(
            f"--processes {arguments.processes}: one a CUDA device at most, and there are {torch.cuda.device_count()}; "
            "use fewer, or --device cpu"
        )
    launch(partial(_encode, arguments), arguments.processes)
    if not (arguments.output / MANIFEST).is_file():
        print(f"{arguments.output}: the store is complete when all its shares are written, of the passages as they are")
        return 0
    store = MemoryStore(arguments.output)
    tokens = store.manifest["tokens"]
    print(
        f"written: {arguments.output}, {len(store):,} passages, {tokens:,} tokens, "
        f"{tokens * store.codec.bytes_per_token / 1e6:,.1f} MB"
    )
    return 0


def _encode(arguments: argparse.Namespace) -> None:
    """Write the share of this process."""
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    share = arguments.share or Share(rank + 1, world, together=world > 1)
    if world > 1 and _on_cuda(arguments):
        use_own_device()
    run = load_run(arguments.run, checkpoint=arguments.checkpoint, data=arguments.data, device=arguments.device)
    passages = run.corpus.passages() if arguments.passages is None else read_passages(arguments.passages).passages
    encode_passages(
        run,
        passages,
        arguments.output,
        given_codec(arguments),
        batch_size=arguments.batch_size,
        shard_passages=arguments.shard_passages,
        share=share,
        progress=share.number == 1,
    )


def _on_cuda(arguments: argparse.Namespace) -> bool:
    return choose_device(TrainerConfig(device=arguments.device)).type == "cuda"


def _share(text: str) -> Share:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"expected K/N with K from 1 to N, such as 2/4; found {text!r}")
    return Share(int(found[1]), int(found[2]))


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
    options.add_argument(
        "--shard-passages",
        type=positive,
        metavar="N",
        help="passages of a shard (default: what fits into 1 GiB, 65,536 at most)",
    )
    options.add_argument(
        "--processes", type=positive, default=1, metavar="N", help="processes that share the cores (default: 1)"
    )
    options.add_argument("--share", type=_share, metavar="K/N", help="write the K-th of N shares of the shards alone")
    add_device(options)
    return options
