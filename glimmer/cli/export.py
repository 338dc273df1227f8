"""``glimmer export``: write a run's weights and tokenizer for other runs to start from."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from glimmer.cli.arguments import add_weights
from glimmer.inference.run import load_run
from glimmer.memory.codecs import DTYPES
from glimmer.models.huggingface.read import EXTRA
from glimmer.models.huggingface.write import write_t5
from glimmer.models.reader import count_parameters
from glimmer.models.weights import save_weights
from glimmer.training.run import TOKENIZER

WEIGHTS = "weights.safetensors"

DESCRIPTION = f"""\
Write {WEIGHTS} and {TOKENIZER}: what another run of the same sizes starts from, whatever its split, memory or
selector, by trainer.initialise=DIR/{WEIGHTS} tokenizer.file=DIR/{TOKENIZER}.

With --format huggingface DIR becomes a T5 checkpoint that transformers loads too, and what no T5 has stands in
{EXTRA} beside it; a run starts from it by trainer.initialise=DIR tokenizer.file=DIR/{TOKENIZER}.
"""
FORMATS = ("glimmer", "huggingface")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    Raises:
        GlimmerError: the run is at fault.
    """
    arguments = _parser().parse_args(argv)
    run = load_run(arguments.run, checkpoint=arguments.checkpoint, device="cpu")
    output: Path = arguments.output
    if arguments.format == "huggingface":
        written = write_t5(run.reader, run.tokenizer, output, DTYPES[arguments.dtype])
        counts = [f"{output / file}, {len(names)} tensors" for file, names in written.items() if names]
        print(f"written: {'; '.join(counts)}")
        return 0
    save_weights(run.reader, output / WEIGHTS, DTYPES[arguments.dtype])
    run.tokenizer.save(output / TOKENIZER)
    size = (output / WEIGHTS).stat().st_size
    print(f"written: {output / WEIGHTS}, {count_parameters(run.reader):,} parameters, {size / 1e6:,.1f} MB")
    return 0


def _parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="glimmer export", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_weights(options)
    options.add_argument("--output", metavar="DIR", type=Path, required=True, help="folder of both files")
    options.add_argument("--dtype", default="float32", choices=DTYPES, help="of a number (default: %(default)s)")
    options.add_argument("--format", default="glimmer", choices=FORMATS, help="layout of DIR (default: %(default)s)")
    return options
