"""``glimmer memory``: look at a memory store, check it, plan one, bring one up to date."""

import argparse
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from glimmer.analysis.codecs import Measuring, default_codecs, measure_codecs, write_codecs
from glimmer.analysis.gathering import (
    Sizes,
    formats_table,
    growth_table,
    measure_formats,
    measure_growth,
    write_synthetic,
)
from glimmer.analysis.memory_plan import CORPORA, plan_memory, plan_table
from glimmer.analysis.shape import Lengths, shape_of
from glimmer.analysis.stored import codec_for
from glimmer.analysis.tables import quantity
from glimmer.cli.arguments import add_device, add_weights, duration, positive, ranks
from glimmer.cli.codecs import add_codec, codec_of, given_codec
from glimmer.config.compose import compose_run
from glimmer.data.passages import read_passages
from glimmer.errors import ConfigError
from glimmer.inference.run import load_run
from glimmer.inference.update import update_store
from glimmer.memory import MemoryStore
from glimmer.memory.check import verify_files

DESCRIPTION = """\
Memory stores, which `glimmer encode` writes:

  glimmer memory info DIR                       what made it, and what it holds
  glimmer memory verify DIR                     compare every checksum, several files at once
  glimmer memory update RUN --store DIR         encode passages that are new or have changed, drop what is no more
  glimmer memory compare RUN --output FILE      score, size and speed of a run by the codec that stores its memory
  glimmer memory benchmark                      how opening and reading grow with a store's size, on this machine
  glimmer memory plan experiment=paper/lumen_xxl --codec raw --tokens-per-second 50000

An update publishes a new generation in one step: readers that are open keep the old one, and its files are removed by
the first update that finds it no longer read.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    Raises:
        GlimmerError: the store, the run, the passages or the configuration is at fault.
    """
    arguments = _parser().parse_args(argv)
    print(arguments.do(arguments))
    return 0


def _info(arguments: argparse.Namespace) -> str:
    store = MemoryStore(arguments.store)
    content, shards = store.manifest, store.promised.shards
    size = sum(info.bytes for info in store.promised.files.values())
    held = sum(shard.passages for shard in shards)
    rows = {
        "format version": content["format_version"],
        "generation": content["generation"],
        "encoder options": store.made_by.encoder,
        "encoder weights": store.made_by.weights,
        "memory layers": store.made_by.layers,
        "tokenizer and passage prompt": store.made_by.text,
        "codec": ", ".join(f"{key}={value}" for key, value in content["codec"].items()),
        "a stored token": f"{content['columns']} × {content['element']}, {store.codec.bytes_per_token} bytes",
        "width": content["width"],
        "passages": f"{len(store):,}",
        "tokens stored": f"{content['tokens']:,}",
        "shards": f"{len(shards):,}, of {content['shard_passages']:,} passages",
        "left in shards by updates": f"{held - len(store):,} passages",
        "bytes": f"{size:,} ({quantity(size)}B)",
    }
    return "\n".join(f"{name:<30}{value}" for name, value in rows.items())


def _verify(arguments: argparse.Namespace) -> str:
    store = MemoryStore(arguments.store)
    files = store.promised.files
    size = sum(info.bytes for info in files.values())
    with tqdm(total=size, unit="B", unit_scale=True, desc="verify") as bar:
        verify_files(arguments.store, store.promised, arguments.threads, bar.update)
    return f"{arguments.store}: sound; {len(files):,} files, {size:,} bytes"


def _update(arguments: argparse.Namespace) -> str:
    run = load_run(arguments.run, checkpoint=arguments.checkpoint, data=arguments.data, device=arguments.device)
    passages = run.corpus.passages() if arguments.passages is None else read_passages(arguments.passages).passages
    changes = update_store(run, passages, arguments.store, progress=True)
    return (
        f"{arguments.store}: {changes.encoded:,} passages encoded, {changes.kept:,} kept, {changes.dropped:,} dropped; "
        f"{changes.freed:,} bytes of earlier generations removed"
    )


def _plan(arguments: argparse.Namespace) -> str:
    config = compose_run(arguments.overrides)
    tokens = arguments.tokens or config.collator.passage_tokens
    shape = shape_of(config, 1, Lengths(config.collator.question_tokens, tokens, config.collator.target_tokens))
    if shape.live_layers == shape.layers:
        raise ConfigError(
            "model.live_layers leaves no memory layers, so there is nothing to store; expected fewer than "
            f"encoder.layers = {shape.layers}"
        )
    codec = codec_for(config.memory, shape.width, given_codec(arguments))
    corpora = {"yours": arguments.passages} if arguments.passages else CORPORA
    plans = {name: plan_memory(shape, codec, count, arguments.tokens_per_second) for name, count in corpora.items()}
    lines = [
        f"{shape.layers - shape.live_layers} memory layers of width {shape.width}, {tokens} tokens a passage, codec "
        f"{arguments.codec or codec.config.name}: {codec.bytes_per_token} bytes a stored token",
        "",
        plan_table(plans),
    ]
    if arguments.tokens_per_second is None:
        lines += ["", "hours: give --tokens-per-second, as `glimmer encode` shows it on your machine"]
    return "\n".join(lines)


def _benchmark(arguments: argparse.Namespace) -> str:
    with TemporaryDirectory(dir=arguments.dir, prefix="memory-") as folder:
        grown = [
            measure_growth(Path(folder, str(count)), Sizes(count, arguments.tokens, arguments.width))
            for count in arguments.passages
        ]
        one = Sizes(1024, 160, 768)
        write_synthetic(Path(folder, "one"), one)
        formats = measure_formats(Path(folder, "one"), one)
    return f"{growth_table(grown)}\n\n{formats_table(formats)}"


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


def _json_file(text: str) -> Path:
    if not text.endswith(".json"):
        raise argparse.ArgumentTypeError(f"expected the name of a .json file, found {text!r}")
    return Path(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="glimmer memory", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    info = commands.add_parser("info", help="print what a store is")
    verify = commands.add_parser("verify", help="compare every checksum, and name the files that are damaged")
    for command, do in ((info, _info), (verify, _verify)):
        command.add_argument("store", metavar="DIR", type=Path, help="folder of the store")
        command.set_defaults(do=do)
    verify.add_argument("--threads", type=positive, metavar="N", help="files read at once (default: one a core)")

    update = commands.add_parser("update", help="encode what is new or changed, drop what is no more")
    add_weights(update)
    update.add_argument("--store", metavar="DIR", type=Path, required=True, help="folder of the store")
    update.add_argument("--passages", metavar="FILE", type=Path, help="passages.jsonl (default: the run's corpus)")
    update.add_argument("--data", metavar="DIR", help="folder of the corpus (default: the run's)")
    add_device(update)
    update.set_defaults(do=_update)

    benchmark = commands.add_parser("benchmark", help="measure synthetic stores, and other formats, on this machine")
    benchmark.add_argument(
        "--passages", type=ranks, default=[10_000, 100_000], metavar="N[,N]", help="sizes (default: 10000,100000)"
    )
    benchmark.add_argument("--tokens", type=positive, default=16, metavar="N", help="of a passage (default: 16)")
    benchmark.add_argument("--width", type=positive, default=8, metavar="N", help="of a state (default: 8)")
    benchmark.add_argument("--dir", metavar="DIR", help="where a temporary folder is made (default: the system's)")
    benchmark.set_defaults(do=_benchmark)

    compare = commands.add_parser("compare", help="measure a run with its memory stored by several codecs")
    add_weights(compare)
    compare.add_argument(
        "--output", metavar="FILE.json", type=_json_file, required=True, help="the figures; .md and .png stand beside"
    )
    compare.add_argument(
        "--codec",
        action="append",
        metavar="NAME[,KEY=VALUE]",
        help="a codec to measure, as `glimmer encode` takes it; may be given several times (default: a dozen of them)",
    )
    compare.add_argument(
        "--beside",
        action="append",
        default=[],
        metavar="RUN",
        help="a run to measure with the codec that its own memory was trained with; may be given several times",
    )
    compare.add_argument("--split", default="dev", help="split to evaluate (default: %(default)s)")
    compare.add_argument("--limit", type=positive, metavar="N", help="questions a task, evenly spread (default: all)")
    compare.add_argument(
        "--timed", type=positive, default=8, metavar="N", help="questions a task to time (default: %(default)s)"
    )
    compare.add_argument("--keep", action="store_true", help="keep the stores, in the run's folder below codecs/")
    compare.add_argument("--data", metavar="DIR", help="folder of the corpus (default: the run's)")
    add_device(compare)
    compare.set_defaults(do=_compare)

    plan = commands.add_parser("plan", help="bytes, multiply-adds and hours of a corpus, from a configuration")
    plan.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="the configuration, such as experiment=lumen")
    plan.add_argument("--passages", type=positive, metavar="N", help="passages (default: KILT's and Wikipedia's)")
    plan.add_argument("--tokens", type=positive, metavar="N", help="of a passage (default: collator.passage_tokens)")
    plan.add_argument("--tokens-per-second", type=duration, metavar="X", help="measured speed of encoding")
    add_codec(plan)
    plan.set_defaults(do=_plan)
    return parser
