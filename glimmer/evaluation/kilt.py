"""KILT's scores of a file of guesses (arXiv 2009.02252): downstream, retrieval, and both combined, to the last digit.

Where KILT's own evaluation is odd, its figures are what is published, and so this does the same: ids and accuracy go
by the text to the letter, an empty answer scores 0 in everything but retrieval, a gold output whose provenance is an
empty list is an evidence set that nothing completes, and there is neither a recall@1 nor a success_rate@1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from glimmer.errors import DataError
from glimmer.evaluation.kilt_lines import Gold, Guess, RankKeys, read_gold, read_guesses
from glimmer.evaluation.metrics import build_metric, mean
from glimmer.evaluation.retrieval import r_precision, rank_evidence

DOWNSTREAM = {"accuracy": "accuracy", "em": "exact_match", "f1": "f1", "rougel": "rouge_l"}
"""KILT's name of a metric → the registered metric."""
RANK_KEYS = ("wikipedia_id",)
RECALL_AT = 5
"""KILT tells recall at this rank, whichever others are asked for."""


@dataclass(frozen=True)
class KiltScores:
    """Every figure under KILT's own name; fractions, 0 to 1. Without answers only ``retrieval`` has any."""

    kilt: dict[str, float]
    """A metric's score where R-precision is 1, else 0."""
    downstream: dict[str, float]
    retrieval: dict[str, float]
    questions: int
    """Gold records, all of which count."""
    others: int
    """Guesses of ids that no gold record has; they do not count."""

    def figures(self) -> dict[str, dict[str, float]]:
        """The figures as KILT's own evaluation gives them."""
        parts = {"kilt": self.kilt, "downstream": self.downstream, "retrieval": self.retrieval}
        return {name: part for name, part in parts.items() if part}


def score_files(
    gold: Path, guess: Path, *, ks: Sequence[int] = (), rank_keys: RankKeys = RANK_KEYS, answers: bool = True
) -> KiltScores:
    """Score the guesses of a file, in whatever order, against a gold file. Time is linear in their lines.

    ``ks`` adds precision, recall and success rate at each k; ``rank_keys`` are the keys of a provenance that together
    say what was retrieved; ``answers=False`` scores retrieval alone, and guesses need no answer.

    Raises:
        DataError: names file and line of what is broken, or of a gold record without guess or without any answer.
    """
    records = read_gold(gold, rank_keys)
    metrics = {name: build_metric(metric) for name, metric in DOWNSTREAM.items()} if answers else {}
    ranks = sorted({*ks, RECALL_AT})
    rows: dict[str, dict[str, float]] = {}
    others = 0
    for name, found in read_guesses(guess, records, rank_keys, answers=answers):
        if found is None:
            others += 1
            continue
        record = records[name]
        if metrics and found.answer and not record.answers:
            raise DataError(f"{gold}:{record.line}: the gold record {name!r} has no answer to compare with")
        row = _retrieval(record, found, ranks)
        for metric in metrics:
            score = metrics[metric].score(found.answer, record.answers) if found.answer else 0.0
            row[metric] = score
            row[f"KILT-{metric}"] = score if row["Rprec"] == 1 else 0.0
        rows[name] = row
    missing = [name for name in records if name not in rows]
    if missing:
        first = f"the id {missing[0]!r} of {gold}:{records[missing[0]].line}"
        more = f" (and {len(missing) - 1:,} more)" if len(missing) > 1 else ""
        raise DataError(f"{guess}: there is no guess for {first}{more}; every gold record needs one")

    def means(names: Sequence[str]) -> dict[str, float]:
        return {name: mean([rows[record][name] for record in records]) for name in names}

    retrieval = ["Rprec", f"recall@{RECALL_AT}", *(name for k in sorted(set(ks)) for name in _names(k))]
    return KiltScores(
        means([f"KILT-{metric}" for metric in metrics]),
        means(list(metrics)),
        means(list(dict.fromkeys(retrieval))),
        len(records),
        others,
    )


def _retrieval(record: Gold, guess: Guess, ks: Sequence[int]) -> dict[str, float]:
    ranking = rank_evidence(guess.ids, record.evidence)
    row = {"Rprec": r_precision(guess.ids, record.pages)}
    for k in ks:
        figures = (ranking.precision(k), ranking.recall(k), ranking.success(k))
        row |= zip(_names(k), figures, strict=False)
    return row


def _names(k: int) -> tuple[str, ...]:
    return (f"precision@{k}", f"recall@{k}", f"success_rate@{k}")[: 1 if k == 1 else 3]
