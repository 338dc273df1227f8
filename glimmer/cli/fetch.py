"""``glimmer fetch``: KILT's sets, by name."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from glimmer.cli.arguments import names
from glimmer.data.fetch import KILT_URL, KNOWLEDGE_SOURCE, TRIVIAQA_URL, Fetcher
from glimmer.data.kilt_sets import KILT_SETS, SPLITS

DESCRIPTION = """\
Fetch sets of KILT by name, into a folder that data.dir can name. Nothing else of glimmer reaches for a network.

A transfer that broke off goes on when the same command is given again. The first fetch of a file records its size and
SHA-256 in fetched.json of the folder, and later ones are held to it. TriviaQA's questions are joined by id from its own
archive (2.5 GB), since KILT's files have none.

sets (megabytes of train and dev):
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Raises:
        GlimmerError: a name is unknown, or a file cannot be fetched or is another than it was.
    """
    arguments = _parser().parse_args(argv)
    fetcher = Fetcher(Path(arguments.dir), arguments.kilt_url, arguments.triviaqa_url)
    for path, fetched in fetcher.fetch(arguments.sets, arguments.splits):
        print(f"{path}: {'fetched' if fetched else 'already there, unchanged'} ({path.stat().st_size / 1e6:,.1f} MB)")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="glimmer fetch", description="Fetch published data by name.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    kilt = commands.add_parser(
        "kilt",
        help="fetch sets of KILT",
        description=DESCRIPTION + "\n".join(_sets()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kilt.add_argument("sets", metavar="SET", nargs="+", help=f"a set, or {KNOWLEDGE_SOURCE}")
    kilt.add_argument("--splits", type=names, default=list(SPLITS), metavar="SPLIT[,SPLIT]", help="default: all")
    kilt.add_argument("--dir", default="data/kilt", help="folder to fetch into (default: %(default)s)")
    kilt.add_argument("--kilt-url", default=KILT_URL, metavar="URL", help="where KILT lies (default: %(default)s)")
    kilt.add_argument(
        "--triviaqa-url", default=TRIVIAQA_URL, metavar="URL", help="TriviaQA's archive (default: %(default)s)"
    )
    return parser


def _sets() -> list[str]:
    lines = [
        f"  {name:<18}{kilt.title}, {kilt.task}" + "".join(f", {size:g}" for size in kilt.megabytes.values())
        for name, kilt in KILT_SETS.items()
    ]
    return [*lines, f"  {KNOWLEDGE_SOURCE:<18}the pages that all of them refer to (35 GiB)"]
