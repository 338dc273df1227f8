"""How often a gold passage stands first: of retrievers, and of trained runs that rerank what one of them found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from glimmer.analysis.chosen_retrievers import ChosenRetriever
from glimmer.analysis.plots import draw_rankings
from glimmer.analysis.runs import Summary, evaluate_run
from glimmer.analysis.tables import table
from glimmer.data.candidates import distinct
from glimmer.data.collection import Corpus
from glimmer.data.files import write_bytes, write_json
from glimmer.errors import ConfigError
from glimmer.evaluation.evaluate import evaluation_examples
from glimmer.inference.run import LoadedRun
from glimmer.models.reader import Reader
from glimmer.tasks import TASKS

AT = (1, 5)
RERANKER = "reranker"
MEAN = "mean"

Ranks = dict[int, dict[str, dict[str, float]]]
"""k → task → ranking → percentage of questions with a gold passage among the first k."""


@dataclass(frozen=True)
class Rankings:
    """What was measured, in percent."""

    split: str
    gold: Ranks
    systems: dict[str, dict[str, dict[str, float]]]
    """System → task → metric → score."""

    def means(self, k: int, without: Sequence[str] = ()) -> dict[str, float]:
        """The mean over tasks of every ranking, some tasks left out."""
        tasks = {task: row for task, row in self.gold[k].items() if task not in without}
        return {name: fmean(row[name] for row in tasks.values()) for name in next(iter(tasks.values()))}


def measure_rankings(
    runs: Mapping[str, LoadedRun], retrievers: Mapping[str, ChosenRetriever], split: str, limit: int | None = None
) -> Rankings:
    """Search with every retriever for the questions of the first run's tasks, and evaluate every run.

    A run's ranking is called ``reranker``, or, where several rerank, by the run's name.

    Args:
        runs: by the names that they are reported under.
        retrievers: by the names that they are reported under.
        split: which questions.
        limit: questions a task at most, evenly spread.

    Raises:
        ConfigError: the runs have not the same tasks.
        GlimmerError: a retriever is unknown, or data are at fault.
    """
    first = next(iter(runs.values()))
    for name, run in runs.items():
        if run.supervised != first.supervised:
            raise ConfigError(
                f"{name} has the tasks {', '.join(run.supervised)}; expected those of {next(iter(runs))}: "
                f"{', '.join(first.supervised)}"
            )
    gold: Ranks = {k: {task: {} for task in first.supervised} for k in AT}
    for called, retriever in retrievers.items():
        for task, shares in _searched(first, retriever, split, limit).items():
            for k, share in shares.items():
                gold[k][task][called] = share
    rerank = [name for name, run in runs.items() if isinstance(run.reader, Reader) and run.reader.reranker.learned]
    systems = {}
    for name, run in runs.items():
        found = evaluate_run(run, split, limit)
        systems[name] = {task: _scores(run, task, summary) for task, summary in found.items()}
        if name in rerank:
            for task, summary in found.items():
                for k in AT:
                    column = RERANKER if len(rerank) == 1 else name
                    gold[k][task][column] = 100 * summary["metrics"][f"reranked_gold@{k}"]
    return Rankings(split, gold, systems)


def write_rankings(found: Rankings, directory: Path, command: str, without: Sequence[str] = ()) -> str:
    """Write report.md, report.json and a plot; returns the table of first ranks."""
    plots = draw_rankings(found.gold[1], directory)
    write_json(directory / "report.json", as_json(found, without))
    tables = [
        (f"Gold passage among the first {k}" if k > 1 else "Gold passage first", _ranks(found, k, without)) for k in AT
    ]
    parts = [
        f"# Rankings\n\nSplit `{found.split}`, in percent of the questions that have a gold passage.\n\n    {command}"
    ]
    parts += [f"## {title}\n\n{made}" for title, made in tables]
    parts += [f"![{caption}]({name})" for name, caption in plots.items()]
    parts.append(f"## Answers\n\n{_answers(found)}")
    write_bytes(directory / "report.md", ("\n\n".join(parts) + "\n").encode())
    return tables[0][1]


def as_json(found: Rankings, without: Sequence[str] = ()) -> dict[str, Any]:
    """Everything as plain types: ``rank1``, ``rank5`` (task → ranking), their means, and ``systems``."""
    ranks: dict[str, Any] = {f"rank{k}": found.gold[k] for k in AT}
    means: dict[str, Any] = {f"rank{k}": {MEAN: found.means(k)} for k in AT}
    if without:
        for k in AT:
            means[f"rank{k}"][_label(without)] = found.means(k, without)
    return {"split": found.split, **ranks, "means": means, "systems": found.systems}


def _searched(run: LoadedRun, retriever: ChosenRetriever, split: str, limit: int | None) -> dict[str, dict[int, float]]:
    """Task → k → percentage, over the run's data."""
    corpus = Corpus(replace(run.config.data, retrievers={"default": retriever.resolve(run.config)}))
    found = {}
    for key in run.supervised:
        task = TASKS.build(run.config.tasks[key], key, corpus)
        examples = [
            e
            for e in evaluation_examples(task, split, limit)
            if e.record and any(o.provenance for o in e.record.outputs)
        ]
        flags = [[c.gold for c in distinct(e.candidates)] for e in examples]
        found[key] = {k: 100 * fmean(any(row[:k]) for row in flags) for k in AT}
    return found


def _scores(run: LoadedRun, task: str, summary: Summary) -> dict[str, float]:
    return {name: 100 * summary["metrics"][name] for name in run.task(task).metrics}


def _ranks(found: Rankings, k: int, without: Sequence[str]) -> str:
    rows = {**found.gold[k], MEAN: found.means(k)}
    if without:
        rows[_label(without)] = found.means(k, without)
    columns = list(rows[MEAN])
    return table(["task", *columns], [[task, *(f"{row[name]:.1f}" for name in columns)] for task, row in rows.items()])


def _label(without: Sequence[str]) -> str:
    return f"{MEAN} without {', '.join(without)}"


def _answers(found: Rankings) -> str:
    pairs = list(dict.fromkeys((t, m) for tasks in found.systems.values() for t, row in tasks.items() for m in row))
    rows = [[f"{t} {m}", *(f"{tasks[t][m]:.1f}" for tasks in found.systems.values())] for t, m in pairs]
    return table(["task, metric", *found.systems], rows)
