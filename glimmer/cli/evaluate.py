"""``glimmer evaluate``: answers, scores and passages of a trained run on a split."""

import argparse
import json
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from glimmer.cli.arguments import add_device, add_weights
from glimmer.data.files import write_json
from glimmer.evaluation.evaluate import TaskResult
from glimmer.evaluation.predictions import write_predictions
from glimmer.inference.run import LoadedRun, load_run

DESCRIPTION = """\
Evaluate a trained run. Writes into the run's folder

  predictions/TASK-SPLIT.jsonl   KILT prediction lines, passages in rank order
  evaluation/SPLIT.json          every figure (fractions, 0 to 1)

and prints a table (percentages). Other numbers of passages, limits, tasks or checkpoints than the run's own get
names of their own, such as evaluation/dev-passages40-kept5.json, so that no figure overwrites another.
"""

COLUMNS = {
    "score": "score",
    "when_gold_read": "…gold read",
    "gold_recall_read": "gold read",
    "gold_kept_of_retrieved": "gold kept",
    "retrieved_recall@5": "R@5 before",
    "reranked_recall@5": "R@5 after",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Raises:
        GlimmerError: the run, its data or a number is at fault.
    """
    arguments = parser().parse_args(argv)
    report = evaluate(arguments)
    print(json.dumps(report, ensure_ascii=False, indent=2) if arguments.json else table(report))
    return 0


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    options = argparse.ArgumentParser(
        prog="glimmer evaluate", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--split", default="dev", help="split to evaluate (default: %(default)s)")
    options.add_argument("--tasks", nargs="+", metavar="TASK", help="tasks to evaluate (default: all with data)")
    options.add_argument("--limit", type=int, metavar="N", help="questions a task, evenly spread (default: all)")
    options.add_argument(
        "--batch-size", type=int, default=32, metavar="N", help="questions at once (default: %(default)s)"
    )
    add_run_options(options)
    options.add_argument("--json", action="store_true", help="print the figures as JSON instead of the table")
    return options


def add_run_options(options: argparse.ArgumentParser) -> None:
    """Add the options that say which weights of a run are used, and how."""
    add_weights(options)
    options.add_argument("--passages", type=int, metavar="K", help="candidates a question (default: the run's)")
    options.add_argument(
        "--kept", type=int, metavar="M", help="candidates that the selector keeps (default: the run's)"
    )
    options.add_argument("--data", metavar="DIR", help="folder of the corpus (default: the run's)")
    options.add_argument(
        "--memory", metavar="DIR", help="memory store of `glimmer encode` to read passages from (default: the run's)"
    )
    add_device(options)


def open_run(arguments: argparse.Namespace) -> LoadedRun:
    """Load the run that the options of ``add_run_options`` mean."""
    return load_run(
        arguments.run,
        checkpoint=arguments.checkpoint,
        passages=arguments.passages,
        kept=arguments.kept,
        data=arguments.data,
        memory=arguments.memory,
        device=arguments.device,
    )


def evaluate(arguments: argparse.Namespace) -> dict[str, Any]:
    """Evaluate, write the files, and return what ``evaluation/SPLIT.json`` holds."""
    run = open_run(arguments)
    names = tuple(dict.fromkeys(arguments.tasks or run.supervised))
    for name in names:
        run.task(name)
    results = {
        name: run.evaluate(
            name, arguments.split, limit=arguments.limit, batch_size=arguments.batch_size, progress=not arguments.json
        )
        for name in names
    }
    variant = _variant(arguments, run, names)
    report = summary(run, arguments.split, arguments.limit, results)
    for name, result in results.items():
        write_predictions(run.folder / "predictions" / f"{name}-{variant}.jsonl", result.predictions)
    write_json(run.folder / "evaluation" / f"{variant}.json", report)
    return report


def summary(run: LoadedRun, split: str, limit: int | None, results: Mapping[str, TaskResult]) -> dict[str, Any]:
    """All figures of an evaluation as plain types; fractions, 0 to 1."""
    return {
        "run": run.folder.name,
        "checkpoint": run.checkpoint.name,
        "step": run.step,
        "split": split,
        "limit": limit,
        "retrieved": run.passages or run.config.collator.passages or run.config.data.retrieved,
        "kept": getattr(run.config.selector, "kept", None),
        "average": fmean(result.score for result in results.values()),
        "tasks": {name: result.summary() for name, result in results.items()},
    }


def table(report: Mapping[str, Any]) -> str:
    """The figures of a report as a table of percentages."""
    kept = "" if report["kept"] is None else f", {report['kept']} kept"
    lines = [
        f"{report['run']}, {report['checkpoint']} of step {report['step']:,}, split {report['split']}, "
        f"{report['retrieved']} passages{kept}",
        "",
        f"{'task':<20}{'metric':<14}{'questions':>10}" + "".join(f"{title:>12}" for title in COLUMNS.values()),
    ]
    for name, task in report["tasks"].items():
        figures = {**task["metrics"], "score": task["score"]}
        figures["when_gold_read"] = figures.get(f"{task['metric']}_when_gold_read")
        cells = "".join(f"{_percent(figures.get(key)):>12}" for key in COLUMNS)
        lines.append(f"{name:<20}{task['metric']:<14}{task['questions']:>10,}{cells}")
    lines.append(f"{'average':<44}{_percent(report['average']):>12}")
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _variant(arguments: argparse.Namespace, run: LoadedRun, tasks: Sequence[str]) -> str:
    """The split, and whatever makes this evaluation another than the run's own."""
    parts = [arguments.split]
    parts += [
        f"{key}{value}" for key in ("passages", "kept", "limit") if (value := getattr(arguments, key)) is not None
    ]
    if arguments.memory is not None:
        parts.append("stored")
    if arguments.checkpoint is not None and arguments.checkpoint != "best":
        parts.append(run.checkpoint.stem)
    if tasks != run.supervised:
        parts.append("+".join(tasks))
    return "-".join(parts)
