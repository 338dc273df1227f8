"""``glimmer report``: compare trained runs in one report."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from glimmer.analysis.comparison import compare
from glimmer.analysis.runs import evaluate_run, task_score
from glimmer.analysis.sweep import Point, find_runs, swept_key, write_sweep
from glimmer.cli.arguments import positive
from glimmer.inference.run import load_run
from glimmer.training.build import plain

DESCRIPTION = """\
Evaluate runs on a split (once: results of the same weights are reused), time them alternately in one process, and write
report.md, report.json and plots. A run's system is its folder's name without a trailing -seedN; several
runs of one system under different seeds are reported as mean and spread.

With --sweep, take all runs below a folder (as --multirun makes them) and write a table and a plot over the values of
the one key in which their configurations differ: sweep.md, sweep.json, sweep.png. Runs on different tasks are compared
task by task. A sweep is evaluated on dev, as test is not for choosing.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and print the main table; returns the exit status."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if bool(arguments.runs) == bool(arguments.sweep):
        parser.error("name runs to compare, or one folder with --sweep")
    if arguments.split is None:
        arguments.split = "dev" if arguments.sweep else "test"
    if arguments.sweep:
        print(_sweep(arguments))
    else:
        print(_compare(arguments))
    print(f"\nwritten into {arguments.output}")
    return 0


def _compare(arguments: argparse.Namespace) -> str:
    runs = [load_run(folder) for folder in arguments.runs]
    output = Path(arguments.output)
    return compare(runs, output, arguments.split, arguments.limit, arguments.timed, _command(arguments))


def _sweep(arguments: argparse.Namespace) -> str:
    runs = [load_run(folder) for folder in find_runs(Path(arguments.sweep))]
    configs = [plain(run.config) for run in runs]
    key = swept_key(configs, arguments.key)
    points = []
    for run, config in zip(runs, configs, strict=True):
        found = evaluate_run(run, arguments.split, arguments.limit)
        points.append(Point(config, {task: task_score(summary) for task, summary in found.items()}))
    return write_sweep(points, key, arguments.split, Path(arguments.output))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="glimmer report", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="*", metavar="RUN", help="folder of a trained run")
    parser.add_argument("--sweep", metavar="DIR", help="folder that holds the runs of a sweep")
    parser.add_argument("--key", help="the key that was swept, where several differ")
    parser.add_argument("--output", required=True, help="folder to write the report into")
    parser.add_argument("--split", help="the split to evaluate (default: test; with --sweep dev)")
    parser.add_argument("--limit", type=positive, help="records a task at most, evenly spread (default: all)")
    parser.add_argument("--timed", type=positive, default=8, help="questions a task to time (default: %(default)s)")
    return parser


def _command(arguments: argparse.Namespace) -> str:
    limit = ["--limit", str(arguments.limit)] if arguments.limit else []
    options = ["--output", arguments.output, "--split", arguments.split, *limit, "--timed", str(arguments.timed)]
    return shlex.join(["glimmer", "report", *arguments.runs, *options])
