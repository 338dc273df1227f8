"""What runs measured, and its mean and spread over seeds. Scores and shares are percentages, 0 to 100."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from glimmer.errors import DataError

Curve = Sequence[tuple[float, float]]
"""Points (step, value) by rising step."""


@dataclass(frozen=True)
class TaskScore:
    """One task's result of one run; gold counts are passages summed over all questions."""

    metric: str
    score: float
    score_evidence_read: float | None
    """The score over the questions of which a whole evidence set was read; None where there are none."""
    questions: int
    gold: int
    gold_retrieved: int
    """Gold passages among the candidates."""
    gold_read: int
    """Gold passages among those that the decoder read."""

    @property
    def gold_recall_read(self) -> float | None:
        """The share of gold passages that the decoder read; None where none is known."""
        return share(self.gold_read, self.gold)


@dataclass(frozen=True)
class RunResult:
    """One trained and evaluated run: a system under one seed."""

    system: str
    seed: int
    split: str
    retrieved: int
    kept: int
    reranked: bool
    tasks: Mapping[str, TaskScore]
    multiply_adds: int
    """Exact count of a question (``glimmer.analysis.compute.exact_count``)."""
    source_units: float
    """The papers' source-side cost in units of n_p·L·d²."""
    milliseconds: float
    """Measured time of a question."""
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    """What the report says of a run: steps, parameters, lengths."""

    @property
    def average(self) -> float:
        """The unweighted mean of the tasks' scores."""
        return statistics.fmean(task.score for task in self.tasks.values())

    @property
    def gold_recall_read(self) -> float | None:
        """The unweighted mean of the gold recall among the passages read, over the tasks that know gold passages."""
        return mean_gold_recall(self.tasks.values())

    @property
    def gold_kept(self) -> float | None:
        """The share of the retrieved gold passages, of all tasks together, that the decoder read."""
        tasks = self.tasks.values()
        return share(sum(task.gold_read for task in tasks), sum(task.gold_retrieved for task in tasks))


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation (n − 1; 0 for a single seed) over seeds."""

    mean: float
    std: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """The spread of at least one value."""
        seen = list(values)
        return cls(statistics.fmean(seen), statistics.stdev(seen) if len(seen) > 1 else 0.0)

    @classmethod
    def of_known(cls, values: Iterable[float | None]) -> "Spread | None":
        """The spread of the values that are known; None where none is."""
        known = [value for value in values if value is not None]
        return cls.of(known) if known else None

    def __str__(self) -> str:
        return f"{self.mean:.1f} ± {self.std:.1f}"


@dataclass(frozen=True)
class SystemResult:
    """All runs of one system, one a seed, over the same tasks."""

    name: str
    runs: Sequence[RunResult]

    @property
    def first(self) -> RunResult:
        """The run of the lowest seed, which stands for what all seeds share."""
        return self.runs[0]

    @property
    def average(self) -> Spread:
        """The spread of the average score."""
        return Spread.of(run.average for run in self.runs)

    @property
    def gold_recall_read(self) -> Spread | None:
        """The spread of the average gold recall among the passages read."""
        return Spread.of_known(run.gold_recall_read for run in self.runs)

    @property
    def gold_kept(self) -> Spread | None:
        """The spread of the share of retrieved gold passages that were kept."""
        return Spread.of_known(run.gold_kept for run in self.runs)

    @property
    def milliseconds(self) -> Spread:
        """The spread of the time of a question."""
        return Spread.of(run.milliseconds for run in self.runs)

    def score(self, task: str) -> Spread:
        """The spread of a task's score."""
        return Spread.of(run.tasks[task].score for run in self.runs)

    def recall(self, task: str) -> Spread | None:
        """The spread of a task's gold recall among the passages read."""
        return Spread.of_known(run.tasks[task].gold_recall_read for run in self.runs)

    def score_evidence_read(self, task: str) -> Spread | None:
        """The spread of a task's score where a whole evidence set was read, None where that never happened."""
        return Spread.of_known(run.tasks[task].score_evidence_read for run in self.runs)


@dataclass(frozen=True)
class Comparison:
    """Systems measured on the same split and tasks under the same seeds."""

    split: str
    seeds: Sequence[int]
    tasks: Sequence[str]
    systems: Mapping[str, SystemResult]

    @classmethod
    def of(cls, runs: Sequence[RunResult]) -> "Comparison":
        """Group runs by system, in order of first appearance.

        Raises:
            DataError: there are no runs, one is there twice, or they differ in split, tasks, seeds or, within a
                system, in what they retrieve and keep.
        """
        if not runs:
            raise DataError("no evaluated runs to compare; evaluate one with `glimmer evaluate`")
        groups: dict[str, list[RunResult]] = {}
        for run in runs:
            groups.setdefault(run.system, []).append(run)
        systems = {name: SystemResult(name, sorted(group, key=lambda r: r.seed)) for name, group in groups.items()}
        first = runs[0]
        seeds = [run.seed for run in systems[first.system].runs]
        for run in runs:
            _same(run, "split", run.split, first.split)
            _same(run, "tasks", sorted(run.tasks), sorted(first.tasks))
            mates = systems[run.system]
            _same(run, "retrieved and kept", (run.retrieved, run.kept), (mates.first.retrieved, mates.first.kept))
            _same(run, "seeds of its system", [mate.seed for mate in mates.runs], seeds)
        if len(set(seeds)) < len(seeds):
            raise DataError(f"{first.folder}: the system {first.system!r} has two runs of one seed: {seeds}")
        return cls(first.split, seeds, list(first.tasks), systems)


def mean_gold_recall(tasks: Iterable[TaskScore]) -> float | None:
    """The unweighted mean of the gold recall among the passages read, over the tasks that know gold passages."""
    known = [recall for task in tasks if (recall := task.gold_recall_read) is not None]
    return statistics.fmean(known) if known else None


def share(part: float, whole: float) -> float | None:
    """A percentage; None of nothing."""
    return 100 * part / whole if whole else None


def _same(run: RunResult, what: str, found: object, expected: object) -> None:
    if found != expected:
        raise DataError(f"{run.folder}: {what}: expected {expected} as in the other runs, found {found}")
