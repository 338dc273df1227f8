"""``glimmer passages``: a knowledge source cut into passages, and passage files too large to be held in memory."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from glimmer.analysis.searching import measure_search, search_table
from glimmer.cli.arguments import not_negative, positive, ranks
from glimmer.data.index import index_folder
from glimmer.data.knowledge.build import PASSAGES, build_passages
from glimmer.data.knowledge.generate import generate_source
from glimmer.data.passages import index_passages
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

    index = commands.add_parser(
        "index",
        help="make a passage file readable without holding it in memory",
        description="Write FILE.index/ beside a passages.jsonl, by which its passages are read one by one.",
    )
    index.set_defaults(run=_index)
    index.add_argument("file", metavar="FILE", type=Path, help="passages.jsonl")

    generate = commands.add_parser(
        "generate",
        help="write a knowledge source of invented words, to measure with",
        description="Write a knowledge source of invented words in the sizes of KILT's; the same bytes everywhere.",
    )
    generate.set_defaults(run=_generate)
    generate.add_argument("file", metavar="FILE", type=Path, help="file to write, plain or .gz")
    generate.add_argument("--paragraphs", type=positive, default=100_000, metavar="N", help="default: %(default)s")
    generate.add_argument("--seed", type=not_negative, default=0, metavar="N", help="default: %(default)s")

    benchmark = commands.add_parser(
        "benchmark",
        help="measure how BM25 grows with a collection, on this machine",
        description="Write passages of words drawn by Zipf's law, and measure BM25's index of them, in processor time.",
    )
    benchmark.set_defaults(run=_benchmark)
    benchmark.add_argument(
        "--passages", type=ranks, default=[10_000, 100_000], metavar="N[,N]", help="sizes (default: 10000,100000)"
    )
    benchmark.add_argument("--dir", metavar="DIR", help="where temporary folders are made (default: the system's)")
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


def _index(arguments: argparse.Namespace) -> int:
    start = time.monotonic()
    count = index_passages(arguments.file, progress=True)
    print(f"{index_folder(arguments.file)}: {count:,} passages ({time.monotonic() - start:.0f} s)")
    return 0


def _generate(arguments: argparse.Namespace) -> int:
    with tqdm(total=arguments.paragraphs, unit=" paragraphs", unit_scale=True, disable=None) as bar:
        pages = generate_source(arguments.file, arguments.paragraphs, arguments.seed, bar.update)
    size = arguments.file.stat().st_size
    print(f"{arguments.file}: {pages:,} pages of at least {arguments.paragraphs:,} paragraphs, {size / 1e6:,.1f} MB")
    return 0


def _benchmark(arguments: argparse.Namespace) -> int:
    found = []
    for count in arguments.passages:
        with TemporaryDirectory(dir=arguments.dir, prefix="passages-") as folder:
            found.append(measure_search(Path(folder), count))
    print(search_table(found))
    return 0
