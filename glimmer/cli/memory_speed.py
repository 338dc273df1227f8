"""``glimmer memory benchmark``, ``throughput`` and ``steps``: speed of stores on this machine."""

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from glimmer.analysis.caching import cache_table, measure_cache
from glimmer.analysis.decoding import decoding_table, measure_decoding
from glimmer.analysis.encoding import measure_throughput, throughput_table
from glimmer.analysis.gathering import formats_table, measure_formats
from glimmer.analysis.growth import Sizes, growth_table, measure_growth, write_synthetic
from glimmer.analysis.memory_steps import measure_steps, steps_table
from glimmer.cli.arguments import Commands, add_device, add_weights, json_file, positive, ranks
from glimmer.cli.codecs import add_codec, given_codec
from glimmer.config.compose import compose_run
from glimmer.data.files import write_bytes, write_json
from glimmer.data.passages import read_passages
from glimmer.errors import ConfigError
from glimmer.inference.run import load_run
from glimmer.memory import CODECS

DECODED = Sizes(passages=100, tokens=256, width=768)
"""What is decoded beside a live layer, as long and as wide as in T5 base."""


def add_benchmark(commands: Commands) -> None:
    """Add ``benchmark``."""
    command = commands.add_parser("benchmark", help="measure synthetic stores, formats and codecs on this machine")
    command.add_argument(
        "--passages", type=ranks, default=[10_000, 100_000], metavar="N[,N]", help="sizes (default: 10000,100000)"
    )
    command.add_argument("--tokens", type=positive, default=16, metavar="N", help="of a passage (default: 16)")
    command.add_argument("--width", type=positive, default=8, metavar="N", help="of a state (default: 8)")
    _add_files(command)
    command.set_defaults(do=_benchmark)


def add_throughput(commands: Commands) -> None:
    """Add ``throughput``."""
    command = commands.add_parser("throughput", help="compare encoding into a store with the encoder alone")
    add_weights(command)
    command.add_argument("--passages", metavar="FILE", type=Path, help="passages.jsonl (default: the run's corpus)")
    command.add_argument("--data", metavar="DIR", help="folder of the corpus (default: the run's)")
    command.add_argument("--limit", type=positive, default=1024, metavar="N", help="passages (default: %(default)s)")
    command.add_argument(
        "--batch-size", type=positive, default=64, metavar="N", help="passages at once (default: %(default)s)"
    )
    command.add_argument("--repeats", type=positive, default=5, metavar="N", help="of each (default: %(default)s)")
    add_codec(command)
    add_device(command)
    _add_files(command)
    command.set_defaults(do=_throughput)


def add_steps(commands: Commands) -> None:
    """Add ``steps``."""
    command = commands.add_parser("steps", help="measure a training step on memory of every kind, on this machine")
    command.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="the run, such as experiment=lumen")
    command.add_argument("--updates", type=positive, default=8, metavar="N", help="of a repeat (default: %(default)s)")
    command.add_argument(
        "--repeats", type=positive, default=5, metavar="N", help="of every kind (default: %(default)s)"
    )
    add_codec(command)
    _add_files(command)
    command.set_defaults(do=_steps)


def _add_files(command: argparse.ArgumentParser) -> None:
    command.add_argument("--dir", metavar="DIR", help="where a temporary folder is made (default: the system's)")
    command.add_argument("--output", metavar="FILE.json", type=json_file, help="write it, and FILE.md beside it")


def _benchmark(arguments: argparse.Namespace) -> str:
    with TemporaryDirectory(dir=arguments.dir, prefix="memory-") as folder:
        found = [
            measure_growth(Path(folder, str(count)), Sizes(count, arguments.tokens, arguments.width))
            for count in arguments.passages
        ]
        one = Sizes(1024, 160, 768)
        write_synthetic(Path(folder, "one"), one)
        formats = measure_formats(Path(folder, "one"), one)
        cached = measure_cache(Path(folder, "one"), one)
        decoded = measure_decoding(Path(folder, "codecs"), DECODED)
    content = {
        "tokens": arguments.tokens,
        "width": arguments.width,
        "growth": [growth.content() for growth in found],
        "formats_bytes_per_second": formats,
        "caches": [asdict(cache) for cache in cached],
        "decoding": asdict(decoded),
    }
    tables = [growth_table(found), formats_table(formats), cache_table(cached), decoding_table(decoded)]
    return _told(arguments.output, content, "\n\n".join(tables))


def _steps(arguments: argparse.Namespace) -> str:
    config, codec = compose_run(arguments.overrides), given_codec(arguments) or CODECS.configure("raw")
    with TemporaryDirectory(dir=arguments.dir, prefix="memory-") as folder:
        found = measure_steps(
            config, Path(folder, "store"), codec, updates=arguments.updates, repeats=arguments.repeats
        )
    return _told(arguments.output, asdict(found), steps_table(found))


def _throughput(arguments: argparse.Namespace) -> str:
    run = load_run(arguments.run, checkpoint=arguments.checkpoint, data=arguments.data, device=arguments.device)
    passages = run.corpus.passages() if arguments.passages is None else read_passages(arguments.passages).passages
    if not passages:
        raise ConfigError(f"{run.folder} has no passages to encode; give some by --passages")
    with TemporaryDirectory(dir=arguments.dir, prefix="memory-") as folder:
        found = measure_throughput(
            run,
            passages[: arguments.limit],
            Path(folder),
            given_codec(arguments),
            batch_size=arguments.batch_size,
            repeats=arguments.repeats,
        )
    return _told(arguments.output, found.content(), throughput_table(found))


def _told(output: Path | None, content: Mapping[str, Any], text: str) -> str:
    """The text, which is also written where files are asked for."""
    if output is not None:
        write_json(output, content)
        write_bytes(output.with_suffix(".md"), f"{text}\n".encode())
    return text
