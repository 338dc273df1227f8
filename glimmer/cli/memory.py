"""``glimmer memory``: look at a memory store, check it, plan one, bring one up to date."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from glimmer.analysis.memory_plan import CORPORA, plan_memory, plan_table
from glimmer.analysis.shape import Lengths, shape_of
from glimmer.analysis.stored import codec_for
from glimmer.analysis.tables import quantity
from glimmer.cli.arguments import add_device, add_weights, duration, positive, share
from glimmer.cli.codecs import add_codec, given_codec
from glimmer.cli.memory_compare import add_compare
from glimmer.cli.memory_speed import add_benchmark, add_steps, add_throughput
from glimmer.config.compose import compose_run
from glimmer.data.passages import read_passages
from glimmer.errors import ConfigError
from glimmer.inference.run import load_run
from glimmer.inference.update import update_store
from glimmer.memory import MemoryStore
from glimmer.memory.check import verify_files
from glimmer.memory.compact import compact_store
from glimmer.memory.prune import leftovers
from glimmer.memory.work import Work

DESCRIPTION = """\
Memory stores, which `glimmer encode` writes:

  glimmer memory info DIR                       what made it, and what it holds
  glimmer memory verify DIR                     compare every checksum, several files at once
  glimmer memory update RUN --store DIR         encode passages that are new or have changed, drop what is no more
  glimmer memory compact DIR                    copy sparse shards without what updates have left unreachable
  glimmer memory compare RUN --output FILE      score, size and speed of a run by the codec that stores its memory
  glimmer memory benchmark                      how opening and reading grow with a store's size, on this machine
  glimmer memory throughput RUN                 how much of the encoder's speed is left when it writes a store
  glimmer memory steps experiment=lumen         what a training step takes by how memory is made, on this machine
  glimmer memory plan experiment=paper/lumen_xxl --codec raw --tokens-per-second 50000

Updates and compactions publish a new generation in one step: readers that are open keep the old one, and its files are
removed by the first command of these that finds it no longer read.
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
    tokens = sum(shard.tokens for shard in shards)
    passages, dead = sum(shard.passages for shard in shards) - len(store), tokens - content["tokens"]
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
        "left in shards by updates": f"{passages:,} passages, {dead * store.codec.bytes_per_token:,} bytes of states "
        f"({dead / max(1, tokens):.0%})",
        "bytes": f"{size:,} ({quantity(size)}B)",
    }
    return "\n".join(f"{name:<30}{value}" for name, value in rows.items())


def _verify(arguments: argparse.Namespace) -> str:
    store = MemoryStore(arguments.store)
    files = store.promised.files
    size = sum(info.bytes for info in files.values())
    with tqdm(total=size, unit="B", unit_scale=True, desc="verify") as bar:
        verify_files(arguments.store, store.promised, arguments.threads, bar.update)
    return "\n".join([f"{arguments.store}: sound; {len(files):,} files, {size:,} bytes", *_unfinished(store)])


def _unfinished(store: MemoryStore) -> Iterator[str]:
    """What stopped writers have left beside the generation that is read; it looks the same while one is at work."""
    work, generation = Work(store.path), store.promised.generation
    if work.generation > generation:
        yield f"not finished: `glimmer {work.command}` was begun, and goes on when it is given again"
    if left := leftovers(store.path, generation):
        names = ", ".join(str(path.relative_to(store.path)) for path in left)
        yield f"left by a stopped writer, and removed by the next one: {names}"


def _update(arguments: argparse.Namespace) -> str:
    run = load_run(arguments.run, checkpoint=arguments.checkpoint, data=arguments.data, device=arguments.device)
    passages = run.corpus.passages() if arguments.passages is None else read_passages(arguments.passages).passages
    changes = update_store(run, passages, arguments.store, progress=True)
    return (
        f"{arguments.store}: {changes.encoded:,} passages encoded, {changes.kept:,} kept, {changes.dropped:,} dropped; "
        f"{changes.freed:,} bytes of earlier generations removed"
    )


def _compact(arguments: argparse.Namespace) -> str:
    done = compact_store(arguments.store, arguments.dead_share)
    if not done.shards:
        return f"{arguments.store}: no shard has more than {arguments.dead_share:.0%} of its states unreachable"
    return (
        f"{arguments.store}: {done.shards:,} shards compacted, {done.passages:,} passages copied; "
        f"{done.freed:,} bytes of earlier generations removed"
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

    compact = commands.add_parser("compact", help="copy sparse shards without what updates have left unreachable")
    compact.add_argument("store", metavar="DIR", type=Path, help="folder of the store")
    compact.add_argument(
        "--dead-share",
        type=share,
        default=0.25,
        metavar="X",
        help="compact a shard of whose states more than this share cannot be reached (default: %(default)s)",
    )
    compact.set_defaults(do=_compact)

    add_compare(commands)
    add_benchmark(commands)
    add_throughput(commands)
    add_steps(commands)

    plan = commands.add_parser("plan", help="bytes, multiply-adds and hours of a corpus, from a configuration")
    plan.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="the configuration, such as experiment=lumen")
    plan.add_argument("--passages", type=positive, metavar="N", help="passages (default: KILT's and Wikipedia's)")
    plan.add_argument("--tokens", type=positive, metavar="N", help="of a passage (default: collator.passage_tokens)")
    plan.add_argument("--tokens-per-second", type=duration, metavar="X", help="measured speed of encoding")
    add_codec(plan)
    plan.set_defaults(do=_plan)
    return parser
