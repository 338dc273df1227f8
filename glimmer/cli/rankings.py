"""``glimmer rankings``: how often a gold passage stands first, for retrievers and for runs that rerank."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from glimmer.analysis.chosen_retrievers import ChosenRetriever
from glimmer.analysis.rankings import measure_rankings, write_rankings
from glimmer.cli.arguments import names, positive
from glimmer.errors import ConfigError, suggest
from glimmer.inference.run import load_run

DESCRIPTION = """\
Measure in what share of the questions a gold passage stands first, and among the first five: for retrievers by
themselves, and for trained runs that rerank what theirs found; and how well each run answers. Writes report.md,
report.json and a plot. The questions are those of the first run's tasks, over its data.

  glimmer rankings fid=runs/fid glimmer=runs/glimmer --retrievers bm25,dense,fused=hybrid --output rankings

A retriever is one of the configuration tree, or of the run's own under data.retrievers: `default`, or a part of a
fusion, `words=default.of.bm25`. `--set NAME.KEY=VALUE` changes an option of the one that is reported under NAME.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and print the table of first ranks; returns the exit status."""
    argv = list(argv) if argv is not None else None
    arguments = _parser().parse_args(argv)
    runs = {name: load_run(run) for name, run in arguments.runs}
    tasks = next(iter(runs.values())).supervised
    for task in arguments.without:
        if task not in tasks:
            raise ConfigError(f"--without: no task {task!r}; {suggest(task, tasks)}")
    found = measure_rankings(runs, _chosen(arguments), arguments.split, arguments.limit)
    output = Path(arguments.output)
    command = shlex.join(["glimmer", "rankings", *(argv or ())])
    print(write_rankings(found, output, command, arguments.without))
    print(f"\nwritten into {output}")
    return 0


def _chosen(arguments: argparse.Namespace) -> dict[str, ChosenRetriever]:
    changes: dict[str, list[str]] = {name: [] for name, _ in arguments.retrievers}
    for change in arguments.changes:
        name, _, rest = change.partition(".")
        if name not in changes or "=" not in rest:
            raise ConfigError(f"--set {change}: expected NAME.KEY=VALUE; {suggest(name, changes)}")
        changes[name].append(rest)
    return {name: ChosenRetriever(choice, changes[name]) for name, choice in arguments.retrievers}


def _named(text: str) -> tuple[str, str]:
    """``NAME=VALUE``, or a value that is its own name."""
    name, separator, value = text.partition("=")
    if not name or (separator and not value):
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, found {text!r}")
    return name, value or name


def _run(text: str) -> tuple[str, str]:
    name, run = _named(text)
    return (Path(run).name, run) if name == run else (name, run)


def _retrievers(text: str) -> list[tuple[str, str]]:
    return [_named(item) for item in names(text)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="glimmer rankings", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=_run, metavar="[NAME=]RUN", help="folder of a trained run")
    parser.add_argument(
        "--retrievers",
        type=_retrievers,
        default="default",
        metavar="[NAME=]RETRIEVER,…",
        help="retrievers to measure (default: %(default)s)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="changes",
        metavar="NAME.KEY=VALUE",
        help="change an option of a retriever, such as fused.method=score; may be given several times",
    )
    parser.add_argument("--output", required=True, help="folder to write the report into")
    parser.add_argument("--split", default="dev", help="split to measure on (default: %(default)s)")
    parser.add_argument("--limit", type=positive, help="questions a task at most, evenly spread (default: all)")
    parser.add_argument(
        "--without", type=names, default=(), metavar="TASK,…", help="give the mean without these tasks too"
    )
    return parser
