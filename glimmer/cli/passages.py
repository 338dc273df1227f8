"""``glimmer passages``: a knowledge source cut into passages, and passage files too large to be held in memory."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from glimmer.cli.arguments import positive
from glimmer.data.knowledge.build import PASSAGES, build_passages
from glimmer.training.signals import StopSignals

CUT = """\
Cut KILT's knowledge source (JSON lines of pages, .gz by suffix) into passages of whole sentences of one section:

  glimmer passages cut kilt_knowledgesource.json --output data/kilt --words 100 --processes 4

The folder then holds

  passages.jsonl               {"id": "PAGE-NUMBER", "title", "text", "wikipedia_id", "section", "start_paragraph_id",
                               "start_character", "end_paragraph_id", "end_character"}
  passages.jsonl.index/        by which passages are read one by one, and found by their places in a page
  manifest.json                what they were made of, and their number

A run that was stopped goes on where it was, when the same command is given again.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    Raises:
        GlimmerError: a file is missing or broken, or cannot be written.
    """
    arguments = _parser().parse_args(argv)
    status: int = arguments.run(arguments)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="glimmer passages", description="Passages of large collections.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    cut = commands.add_parser(
        "cut",
        help="cut KILT's knowledge source into passages",
        description=CUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cut.set_defaults(run=_cut)
    cut.add_argument("source", metavar="SOURCE", type=Path, help="kilt_knowledgesource.json, plain or .gz")
    cut.add_argument("--output", metavar="DIR", type=Path, required=True, help="folder of the passages")
    cut.add_argument(
        "--words", type=positive, default=100, metavar="N", help="most words of a passage (default: %(default)s)"
    )
    cut.add_argument("--processes", type=positive, default=1, metavar="N", help="default: %(default)s")
    return parser


def _cut(arguments: argparse.Namespace) -> int:
    start = time.monotonic()
    with StopSignals() as signals:
        manifest = build_passages(
            arguments.source,
            arguments.output,
            words=arguments.words,
            processes=arguments.processes,
            progress=True,
            stopped=lambda: signals.received,
        )
    print(
        f"{arguments.output / PASSAGES}: {manifest['passages']:,} passages of {manifest['pages']:,} pages, "
        f"{manifest['bytes'] / 1e6:,.1f} MB ({time.monotonic() - start:.0f} s)"
    )
    return 0
