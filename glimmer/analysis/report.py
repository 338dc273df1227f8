"""The report of a comparison: ``report.json`` and ``report.md``. Scores and shares are percentages, 0 to 100."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glimmer.analysis.aims import Aim, aims_of
from glimmer.analysis.results import Comparison, Spread, SystemResult
from glimmer.analysis.tables import quantity, table
from glimmer.data.files import write_bytes, write_json

NAMES = {"fid": "FiD", "lumen": "LUMEN", "glimmer": "GLIMMER"}


@dataclass(frozen=True)
class Origin:
    """How a report came to be: its commands, what else a reader must know, and the plots beside it."""

    commands: Sequence[str]
    remarks: Sequence[str] = ()
    plots: Mapping[str, str] = field(default_factory=dict)
    """File name → caption."""


def write_report(comparison: Comparison, origin: Origin, directory: Path) -> str:
    """Write ``report.json`` and ``report.md`` into ``directory`` and return the main table."""
    write_json(directory / "report.json", as_json(comparison))
    write_bytes(directory / "report.md", as_markdown(comparison, origin).encode())
    return main_table(comparison)


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain types.

    ``gold_recall_read``, ``ms_per_question`` and ``gold_kept_of_retrieved`` are means over seeds (the first also
    over tasks); the reranker's share is that of the systems that rerank. null = nothing to measure it by.
    """
    reranking = [system for system in comparison.systems.values() if system.first.reranked]
    kept = [spread.mean for system in reranking if (spread := system.gold_kept) is not None]
    return {
        "split": comparison.split,
        "seeds": list(comparison.seeds),
        "systems": {
            name: {
                "retrieved": system.first.retrieved,
                "kept": system.first.kept,
                "average": _spread(system.average),
                "tasks": {
                    task: {"metric": system.first.tasks[task].metric, **_spread(system.score(task))}
                    for task in comparison.tasks
                },
                "gold_recall_read": None if (recall := system.gold_recall_read) is None else round(recall.mean, 3),
                "multiply_adds": system.first.multiply_adds,
                "ms_per_question": round(system.milliseconds.mean, 3),
            }
            for name, system in comparison.systems.items()
        },
        "reranker": {"gold_kept_of_retrieved": round(sum(kept) / len(kept), 3) if kept else None},
    }


def main_table(comparison: Comparison) -> str:
    """One row a system: what it reads, scores by task and on average, gold recall, compute and time."""
    header = ["system", "passages", *map(title, comparison.tasks), "average", "gold read", "multiply-adds", "ms"]
    rows = [
        [
            NAMES.get(name, name),
            passages(system),
            *(str(system.score(task)) for task in comparison.tasks),
            str(system.average),
            _or_dash(system.gold_recall_read),
            quantity(system.first.multiply_adds),
            f"{system.milliseconds.mean:.1f}",
        ]
        for name, system in comparison.systems.items()
    ]
    return table(header, rows)


def as_markdown(comparison: Comparison, origin: Origin) -> str:
    """The whole report."""
    seeds = ", ".join(map(str, comparison.seeds))
    first = next(iter(comparison.systems.values())).first
    metrics = ", ".join(f"{title(task)} {first.tasks[task].metric.replace('_', ' ')}" for task in comparison.tasks)
    questions = ", ".join(f"{first.tasks[task].questions:,} {title(task)}" for task in comparison.tasks)
    sections = [
        "# " + ", ".join(NAMES.get(name, name) for name in comparison.systems),
        f"Split `{comparison.split}`: {questions} questions. Seeds {seeds}: mean ± sample standard deviation "
        "(0 for a single seed). Scores and shares from 0 to 100; the average is the unweighted mean over tasks. "
        f"Metrics: {metrics}.",
        main_table(comparison),
        "*passages*: retrieved, or retrieved → kept. *gold read*: share of the gold passages that the decoder read, "
        "mean over tasks. *multiply-adds*: exact count of one question with its memory stored. *ms*: measured time of "
        "one question.",
        *_gold(comparison),
        "## Compute of a question\n\n" + _compute_table(comparison),
        "## Aims\n\n" + _aims(aims_of(comparison)),
        *(f"![{caption}]({name})\n\n*{caption}*" for name, caption in origin.plots.items()),
        "## How it was made\n\n" + "\n".join(["```", *origin.commands, "```"]),
        *([_bullets(origin.remarks)] if origin.remarks else []),
        "### Settings\n\n" + _settings(comparison),
    ]
    return "\n\n".join(sections) + "\n"


def title(task: str) -> str:
    """A task's name in running text."""
    return task.replace("_", " ").replace("qa", "QA")


def passages(system: SystemResult) -> str:
    """How many passages a system retrieves and keeps."""
    retrieved, kept = system.first.retrieved, system.first.kept
    return str(kept) if retrieved == kept else f"{retrieved} → {kept}"


def _gold(comparison: Comparison) -> list[str]:
    def by_task(cell: Callable[[SystemResult, str], str], last: Callable[[SystemResult], list[str]]) -> list[list[str]]:
        return [
            [NAMES.get(name, name), *(cell(system, task) for task in comparison.tasks), *last(system)]
            for name, system in comparison.systems.items()
        ]

    tasks = [title(task) for task in comparison.tasks]
    read = by_task(
        lambda system, task: _or_dash(system.recall(task)), lambda system: [_or_dash(system.gold_recall_read)]
    )
    scores = by_task(lambda system, task: _or_dash(system.score_evidence_read(task)), lambda system: [])
    sections = [
        "## Gold passages among those read\n\n" + table(["system", *tasks, "average"], read),
        "## Scores of the questions of which a whole evidence set was read\n\n" + table(["system", *tasks], scores),
    ]
    for name, system in comparison.systems.items():
        if system.first.reranked and (kept := system.gold_kept) is not None:
            sections.append(
                f"The reranker of {NAMES.get(name, name)} keeps {kept}% of the gold passages that stand "
                f"among the {system.first.retrieved} retrieved."
            )
    return sections


def _compute_table(comparison: Comparison) -> str:
    baseline = next(iter(comparison.systems.values()))
    rows = [
        [
            NAMES.get(name, name),
            f"{system.first.source_units:g}",
            quantity(system.first.multiply_adds),
            f"{system.first.multiply_adds / baseline.first.multiply_adds:.2f}",
            str(system.milliseconds),
            f"{system.milliseconds.mean / baseline.milliseconds.mean:.2f}",
        ]
        for name, system in comparison.systems.items()
    ]
    relative = f"× {NAMES.get(baseline.name, baseline.name)}"
    header = ["system", "source side, units of n_p·L·d²", "multiply-adds", relative, "milliseconds", relative]
    return table(header, rows)


def _aims(aims: Sequence[Aim]) -> str:
    rows = [[aim.text, aim.wanted, aim.measured, "yes" if aim.reached else "**no**"] for aim in aims]
    missed = [f"{aim.text}: {aim.measured}, wanted {aim.wanted}" for aim in aims if not aim.reached]
    closing = _bullets(missed) if missed else "None: every aim was reached."
    return f"{table(['figure', 'wanted', 'measured', 'reached'], rows)}\n\n### Figures not reached\n\n{closing}"


def _settings(comparison: Comparison) -> str:
    systems = comparison.systems.values()
    names = list(dict.fromkeys(name for system in systems for name in system.first.settings))
    rows = [[name, *(system.first.settings.get(name, "–") for system in systems)] for name in names]
    folders = [
        f"{NAMES.get(system.name, system.name)}, seed {run.seed}: `{run.folder.as_posix()}/config.yaml`"
        for system in systems
        for run in system.runs
    ]
    header = ["setting", *(NAMES.get(system.name, system.name) for system in systems)]
    return f"{table(header, rows)}\n\nEvery run's whole configuration:\n\n{_bullets(folders)}"


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _or_dash(spread: Spread | None) -> str:
    return "–" if spread is None else str(spread)


def _spread(spread: Spread) -> dict[str, float]:
    return {"mean": round(spread.mean, 3), "std": round(spread.std, 3)}
