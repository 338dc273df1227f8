"""The figures that a comparison aims at, and which of them it reached."""

from collections.abc import Iterator
from dataclasses import dataclass

from glimmer.analysis.results import Comparison

MARGIN = 8.0
"""GLIMMER's average score above each of the others, in points."""
GOLD_KEPT = 90.0
"""Share of the retrieved gold passages that the reranker keeps, in percent."""
WITH_GOLD = {"open_qa": 85.0, "slot_filling": 85.0, "fact_verification": 85.0}
"""Score of each reader where the gold passage is among those read, by task."""


@dataclass(frozen=True)
class Aim:
    """A figure wanted and the figure measured, as the report prints them."""

    text: str
    wanted: str
    measured: str
    reached: bool


def aims_of(comparison: Comparison) -> list[Aim]:
    """Every aim that the systems and tasks of a comparison allow to check, by the mean over seeds."""
    return [*_margins(comparison), *_less_compute(comparison), *_gold_kept(comparison), *_with_gold(comparison)]


def _margins(comparison: Comparison) -> Iterator[Aim]:
    for glimmer, other in _pairs(comparison):
        margin = comparison.systems[glimmer].average.mean - comparison.systems[other].average.mean
        yield Aim(
            f"average score of {glimmer} above {other}",
            f"≥ {MARGIN:.1f} points",
            f"{margin:+.1f} points",
            margin >= MARGIN,
        )


def _less_compute(comparison: Comparison) -> Iterator[Aim]:
    for glimmer, other in _pairs(comparison):
        ratio = comparison.systems[glimmer].first.multiply_adds / comparison.systems[other].first.multiply_adds
        yield Aim(f"multiply-adds of {glimmer} per one of {other}", "< 1.00", f"{ratio:.2f}", ratio < 1)


def _gold_kept(comparison: Comparison) -> Iterator[Aim]:
    for name, system in comparison.systems.items():
        if system.first.reranked and (kept := system.gold_kept) is not None:
            text = f"retrieved gold passages that {name} keeps"
            yield Aim(text, f"≥ {GOLD_KEPT:.1f}%", f"{kept.mean:.1f}%", kept.mean >= GOLD_KEPT)


def _with_gold(comparison: Comparison) -> Iterator[Aim]:
    for name, system in comparison.systems.items():
        for task in comparison.tasks:
            score = system.score_evidence_read(task)
            if task in WITH_GOLD and score is not None:
                metric = system.first.tasks[task].metric
                text = f"{metric} of {name} on {task} where the gold passage is read"
                yield Aim(text, f"≥ {WITH_GOLD[task]:.1f}", f"{score.mean:.1f}", score.mean >= WITH_GOLD[task])


def _pairs(comparison: Comparison) -> Iterator[tuple[str, str]]:
    names = list(comparison.systems)
    if "glimmer" in names:
        yield from (("glimmer", other) for other in ("fid", "lumen") if other in names)
