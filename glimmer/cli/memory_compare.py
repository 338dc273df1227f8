"""``glimmer memory compare``: what a run's memory costs and scores, stored by several codecs."""

import argparse
import shlex
from collections.abc import Iterable

from glimmer.analysis.codecs import Measuring, default_codecs, measure_codecs, write_codecs
from glimmer.cli.arguments import Commands, add_device, add_weights, json_file, positive
from glimmer.cli.codecs import codec_of
from glimmer.inference.run import load_run


def add_compare(commands: Commands) -> None:
    """Add ``compare``."""
    command = commands.add_parser("compare", help="measure a run with its memory stored by several codecs")
    add_weights(command)
    command.add_argument(
        "--output", metavar="FILE.json", type=json_file, required=True, help="the figures; .md and .png stand beside"
    )
    command.add_argument(
        "--codec",
        action="append",
        metavar="NAME[,KEY=VALUE]",
        help="a codec to measure, as `glimmer encode` takes it; may be given several times (default: a dozen of them)",
    )
    command.add_argument(
        "--beside",
        action="append",
        default=[],
        metavar="RUN",
        help="a run to measure with the codec that its own memory was trained with; may be given several times",
    )
    command.add_argument("--split", default="dev", help="split to evaluate (default: %(default)s)")
    command.add_argument("--limit", type=positive, metavar="N", help="questions a task, evenly spread (default: all)")
    command.add_argument(
        "--timed", type=positive, default=8, metavar="N", help="questions a task to time (default: %(default)s)"
    )
    command.add_argument("--keep", action="store_true", help="keep the stores, in the run's folder below codecs/")
    command.add_argument("--data", metavar="DIR", help="folder of the corpus (default: the run's)")
    add_device(command)
    command.set_defaults(do=_compare)


def _compare(arguments: argparse.Namespace) -> str:
    run = load_run(arguments.run, checkpoint=arguments.checkpoint, data=arguments.data, device=arguments.device)
    codecs = {text: codec_of(text) for text in arguments.codec or default_codecs(run)}
    loaded = [load_run(other, data=arguments.data, device=arguments.device) for other in arguments.beside]
    beside = {other.folder.name: other for other in loaded}
    how = Measuring(split=arguments.split, limit=arguments.limit, timed=arguments.timed, keep=arguments.keep)
    found = measure_codecs(run, codecs, beside, how)
    return write_codecs(found, arguments.output, how, _compare_command(arguments, codecs))


def _compare_command(arguments: argparse.Namespace, codecs: Iterable[str]) -> str:
    options = [f"--codec={text}" for text in codecs] + [f"--beside={run}" for run in arguments.beside]
    options += ["--split", arguments.split, *(["--limit", str(arguments.limit)] if arguments.limit else [])]
    return shlex.join(["glimmer", "memory", "compare", arguments.run, *options, "--output", str(arguments.output)])
