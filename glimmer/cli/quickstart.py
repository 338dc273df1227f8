"""``glimmer quickstart``: train, evaluate and compare FiD, LUMEN and GLIMMER."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from glimmer.analysis.comparison import Plan, run_comparison
from glimmer.cli.arguments import duration, names, positive

DESCRIPTION = """\
Build the built-in corpus, train FiD, LUMEN and GLIMMER with the same loop on the same examples, evaluate them on
countries that training never saw, and write report.md, report.json and plots. It can be stopped and run again:
it goes on where it was.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and print the table; returns the exit status."""
    arguments = _parser().parse_args(argv)
    plan = Plan(
        systems=tuple(arguments.systems),
        seeds=arguments.seeds,
        split=arguments.split,
        minutes=arguments.minutes,
        steps=arguments.steps,
        limit=arguments.limit,
        timed=arguments.timed,
        from_scratch=arguments.from_scratch,
        overrides=tuple(arguments.overrides),
    )
    output = Path(arguments.output)
    command = shlex.join(["glimmer", "quickstart", *argv]) if argv else "glimmer quickstart"
    print(f"\n{run_comparison(plan, output, command)}\n\nwritten: {output / 'report.md'}")
    return 0


def _seeds(text: str) -> tuple[int, ...]:
    seeds = tuple(map(positive, names(text)))
    if len(set(seeds)) < len(seeds):
        raise argparse.ArgumentTypeError(f"expected every seed once, found {text!r}")
    return seeds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="glimmer quickstart", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=duration, default=15.0, help="how long it may take (default: %(default)g)")
    parser.add_argument("--steps", type=positive, help="updates a system, whatever they take (default: by --minutes)")
    parser.add_argument("--systems", type=names, default="fid,lumen,glimmer", help="experiments (default: %(default)s)")
    parser.add_argument("--seeds", type=_seeds, default="1", help="seeds, such as 1,2,3 (default: %(default)s)")
    parser.add_argument("--split", default="test", help="split to evaluate (default: %(default)s)")
    parser.add_argument(
        "--limit",
        type=positive,
        default=250,
        help="records a task in the evaluation, evenly spread (default: %(default)s of some 2,000)",
    )
    parser.add_argument("--timed", type=positive, default=8, help="questions a task to time (default: %(default)s)")
    parser.add_argument("--output", default="runs/quickstart", help="folder for everything (default: %(default)s)")
    parser.add_argument(
        "--from-scratch",
        action="store_true",
        help="first pre-train the weights that the systems start from: some three hours on top of --minutes",
    )
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="overrides of every system's configuration")
    return parser
