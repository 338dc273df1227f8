"""``glimmer evaluate``: answers, scores and passages of a trained run on a split."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from glimmer.analysis import tables
from glimmer.analysis.runs import Summary, evaluate_run
from glimmer.cli.arguments import add_device, add_overrides, add_weights, names, positive
from glimmer.inference.run import LoadedRun, load_run
from glimmer.memory.cache import CacheUse
from glimmer.memory.stored import StoredMemory

DESCRIPTION = """\
Evaluate a trained run. Writes into the run's folder, for every task,

  predictions/TASK-SPLIT.jsonl   KILT prediction lines, passages in rank order
  evaluation/TASK-SPLIT.json     every figure (fractions, 0 to 1) and what made it; `glimmer report` goes on from there

and prints a table (percentages):

  with evidence   score of the questions of which the decoder read all passages of an evidence set
  gold read       share of the gold passages that the decoder read
  gold kept       the same of the gold passages that were retrieved
  first           share of questions whose first passage is gold, before and after reranking
  R@5             share of the evidence sets among the first 5 passages, before and after reranking

Another checkpoint, limit, corpus, memory, option or number of passages than the run's own has files of its own, such as
evaluation/open_qa-dev-passages40-kept5.json, so that no figure overwrites another; package:glimmer, the reader as it is
shipped, has the folder runs/shipped-glimmer.
"""

COLUMNS = {
    "score": "score",
    "when_evidence_read": "with evidence",
    "gold_recall_read": "gold read",
    "gold_kept_of_retrieved": "gold kept",
    "retrieved_gold@1": "first before",
    "reranked_gold@1": "first after",
    "retrieved_recall@5": "R@5 before",
    "reranked_recall@5": "R@5 after",
}
"""Figure → its column."""


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
    options.add_argument(
        "--tasks", type=names, metavar="TASK[,TASK]", help="tasks to evaluate (default: all with data)"
    )
    options.add_argument("--limit", type=positive, metavar="N", help="questions a task, evenly spread (default: all)")
    options.add_argument(
        "--batch-size", type=positive, default=32, metavar="N", help="questions at once (default: %(default)s)"
    )
    add_run_options(options)
    options.add_argument("--json", action="store_true", help="print the figures as JSON instead of the table")
    return options


def add_run_options(options: argparse.ArgumentParser) -> None:
    """Add the options that say which weights of a run are used, and how."""
    add_weights(options)
    options.add_argument("--passages", type=positive, metavar="K", help="candidates a question (default: the run's)")
    options.add_argument(
        "--kept", type=positive, metavar="M", help="candidates that the selector keeps (default: the run's)"
    )
    options.add_argument("--data", metavar="DIR", help="folder of the corpus (default: the run's)")
    options.add_argument(
        "--memory", metavar="DIR", help="memory store of `glimmer encode` to read passages from (default: the run's)"
    )
    add_overrides(options)
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
        overrides=arguments.overrides,
        device=arguments.device,
    )


def evaluate(arguments: argparse.Namespace) -> dict[str, Any]:
    """Evaluate anew, write the files, and return the figures of all tasks as plain types."""
    run = open_run(arguments)
    tasks: dict[str, Summary] = evaluate_run(
        run,
        arguments.split,
        arguments.limit,
        tasks=arguments.tasks,
        batch_size=arguments.batch_size,
        anew=True,
    )
    report = {"run": run.folder.name, "average": fmean(task["score"] for task in tasks.values()), "tasks": tasks}
    memory = getattr(run.reader, "memory", None)
    if isinstance(memory, StoredMemory) and memory.cache is not None:
        report["memory_cache"] = asdict(memory.cache.use)
    return report


def table(report: Mapping[str, Any]) -> str:
    """The figures of a report as a table of percentages."""
    tasks: Mapping[str, Summary] = report["tasks"]
    made_by = next(iter(tasks.values()))["made_by"]
    retrieved, kept = made_by["retrieved"], made_by["kept"]
    title = (
        f"{report['run']}, {made_by['checkpoint']} of step {made_by['step']:,}, split {made_by['split']}, "
        f"{retrieved} passages{'' if kept == retrieved else f', {kept} kept'}"
    )
    rows = []
    for name, task in tasks.items():
        figures = {**task["metrics"], "score": task["score"]}
        figures["when_evidence_read"] = figures.get(f"{task['metric']}_when_evidence_read")
        cells = [_percent(figures.get(key)) for key in COLUMNS]
        rows.append([name, task["metric"], f"{task['questions']:,}", *cells])
    rows.append(["average", "", "", _percent(report["average"]), *[""] * (len(COLUMNS) - 1)])
    scores = tables.table(["task", "metric", "questions", *COLUMNS.values()], rows)
    return "\n\n".join([title, scores, *([_cache_line(report["memory_cache"])] if "memory_cache" in report else [])])


def _cache_line(used: Mapping[str, int]) -> str:
    use = CacheUse(**used)
    return (
        f"memory cache: {use.hits:,} hits, {use.misses:,} misses ({_percent(use.hit_rate)}% hits); "
        f"{use.passages:,} passages, {tables.quantity(use.bytes)}B held"
    )


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
