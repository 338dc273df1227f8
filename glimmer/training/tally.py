"""Sums and counts by task and name, so that every logged mean is one mean over its tokens or questions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import torch
from torch import Tensor

from glimmer.criterions.base import CriterionOutput
from glimmer.data.values import Batch
from glimmer.models.values import ReaderOutput

Sums = dict[str, dict[str, list[float]]]
"""Task → name → [sum, count]."""

Quantities = dict[str, tuple[Tensor, Tensor]]
"""Name → a sum ``[B]`` and its count ``[B]`` for every question."""

OVERALL = ""
"""Stands in the place of a task for what belongs to none."""
EXACT = "teacher_forced/exact"
TOKEN_ACCURACY = "teacher_forced/token_accuracy"


class Tally:
    """Running sums and counts by task and name; plain types all through."""

    def __init__(self, sums: Sums | None = None) -> None:
        self.sums: Sums = {} if sums is None else sums

    def record(self, task: str, name: str, value: float, count: float = 1.0) -> None:
        """Add a sum ``value`` over ``count`` things."""
        cell = self.sums.setdefault(task, {}).setdefault(name, [0.0, 0.0])
        cell[0] += value
        cell[1] += count

    def add(self, tasks: Sequence[str], quantities: Quantities) -> Self:
        """Add the quantities of B questions of ``tasks``; they come from the device in one copy, which waits for it."""
        table = torch.stack([part.double() for pair in quantities.values() for part in pair]).tolist()
        for name, values, counts in zip(quantities, table[::2], table[1::2], strict=True):
            for task, value, count in zip(tasks, values, counts, strict=True):
                if count:
                    self.record(task, name, value, count)
        return self

    def merge(self, others: Iterable["Tally"]) -> Self:
        """Add other tallies, in their order."""
        for other in others:
            for task, cells in other.sums.items():
                for name, (value, count) in cells.items():
                    self.record(task, name, value, count)
        return self

    def mean(self, name: str) -> float:
        """The mean of ``name`` over all tasks; 0 where nothing counted."""
        cells = [cells[name] for cells in self.sums.values() if name in cells]
        count = sum(count for _, count in cells)
        return sum(value for value, _ in cells) / count if count else 0.0

    def means(self) -> dict[str, dict[str, float]]:
        """The means over all tasks, under ``OVERALL``, then every task's; sorted by name."""
        names = sorted({name for cells in self.sums.values() for name in cells})
        table = {OVERALL: {name: self.mean(name) for name in names}}
        for task in sorted(self.sums.keys() - {OVERALL}):
            table[task] = {name: value / count for name, (value, count) in sorted(self.sums[task].items())}
        return table


@torch.no_grad()
def measure(results: Mapping[str, CriterionOutput], output: ReaderOutput, batch: Batch) -> Quantities:
    """What one forward pass adds to the logs: every criterion's value and its further quantities.

    Besides: the share of target tokens whose most likely token is right, and the share of questions of which
    every token is (teacher-forced exact match).
    """
    found: Quantities = {}
    for name, result in results.items():
        found[name] = (result.values.detach(), result.counts)
        found |= {f"{name}/{part}": pair for part, pair in result.logs.items()}
    targets, mask = batch.targets, batch.targets.mask
    right = targets.placed(output.logits.argmax(-1) == targets.ids[mask])
    found[TOKEN_ACCURACY] = (right.sum(1), mask.sum(1))
    found[EXACT] = ((right | ~mask).all(1), mask.any(1))
    return found
