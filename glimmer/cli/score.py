"""``glimmer score``: KILT's scores of a file of guesses."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from glimmer.analysis import tables
from glimmer.cli.arguments import names, ranks
from glimmer.evaluation.kilt import RANK_KEYS, KiltScores, score_files

DESCRIPTION = """\
Score the guesses of a file against a gold file, both in KILT's JSON lines (.gz by suffix), with the figures of KILT's
own evaluation, digit for digit:

  downstream   accuracy, em, f1 and rougel of the answers: the best over a record's valid answers
  KILT         the same, but 0 wherever R-precision is not 1
  retrieval    R-precision and recall@5 over the evidence sets of pages

Every gold record needs a guess, found by its id, with exactly one output; guesses of other ids do not count.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Raises:
        GlimmerError: a file is missing or broken, or a gold record has no guess.
    """
    arguments = _parser().parse_args(argv)
    scores = score_files(
        Path(arguments.gold),
        Path(arguments.guess),
        ks=arguments.ks,
        rank_keys=arguments.rank_keys,
        answers=not arguments.retrieval_only,
    )
    print(json.dumps(scores.figures(), indent=2) if arguments.json else table(arguments.guess, scores))
    return 0


def _parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="glimmer score", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("gold", metavar="GOLD", help="records with answers and provenance")
    options.add_argument("guess", metavar="GUESS", help="predictions, such as those of `glimmer evaluate`")
    options.add_argument(
        "--ks",
        type=ranks,
        default=[],
        metavar="K[,K]",
        help="add precision, recall and success rate at each",
    )
    options.add_argument(
        "--rank-keys",
        type=names,
        default=list(RANK_KEYS),
        metavar="KEY[,KEY]",
        help=f"what of a provenance is retrieved (default: {','.join(RANK_KEYS)}); passage_id for a corpus of passages",
    )
    options.add_argument(
        "--retrieval-only", action="store_true", help="score retrieval alone; guesses then need no answer"
    )
    options.add_argument("--json", action="store_true", help="print one JSON object (fractions) under KILT's own keys")
    return options


def table(title: str, scores: KiltScores) -> str:
    """The figures as tables of percentages."""
    guesses = "1 guess of another id" if scores.others == 1 else f"{scores.others:,} guesses of other ids"
    left_out = f", {guesses} left out" if scores.others else ""
    parts = [f"{title}: {scores.questions:,} questions{left_out} (percentages)"]
    if scores.downstream:
        rows = [["downstream", *_percent(scores.downstream)], ["KILT", *_percent(scores.kilt)]]
        parts.append(tables.table(["", *scores.downstream], rows))
    parts.append(tables.table(["", *scores.retrieval], [["retrieval", *_percent(scores.retrieval)]]))
    return "\n\n".join(parts)


def _percent(figures: Mapping[str, float]) -> list[str]:
    return [f"{100 * value:.2f}" for value in figures.values()]
