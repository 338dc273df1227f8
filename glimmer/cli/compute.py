"""``glimmer compute``: what one question costs a configured reader."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from glimmer.analysis.compute import PARTS, ReaderShape, exact_count, papers_formula, passage_memory, source_units
from glimmer.analysis.overview import Costed, overview
from glimmer.analysis.shape import Lengths, shape_of
from glimmer.analysis.stored import codec_for, passage_bytes
from glimmer.analysis.tables import quantity, table
from glimmer.cli.arguments import positive
from glimmer.cli.codecs import add_codec, given_codec
from glimmer.config.compose import compose_run, user_dir_of
from glimmer.config.load import load_run_config
from glimmer.config.schema import RunConfig
from glimmer.config.store import files
from glimmer.data.tokenizers import vocabulary_of
from glimmer.errors import ConfigError, suggest
from glimmer.memory import Codec
from glimmer.models.build import sketch_reader
from glimmer.models.reader import count_parameters, parameters_by_part
from glimmer.plugins import load_plugins
from glimmer.registry import ComponentConfig
from glimmer.training.run import CONFIG, TOKENIZER

DESCRIPTION = """\
Count the multiply-adds of one question by part: the papers' formula (d² terms alone) beside the exact count of every
matrix product; the parameters by part, and the bytes of stored memory. Memory counts as stored already; lengths are
the longest that the configuration admits unless given. No weights are made, so a reader of any size can be counted.

With --experiments, a table of all experiments of a pattern instead: glimmer compute --experiments 'paper/*'
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    arguments = _parser().parse_args(argv)
    if arguments.experiments is not None:
        load_plugins(user_dir_of(arguments.run))
        named = _experiments(arguments.experiments)
        configs = {name: compose_run([f"experiment={name}", *arguments.run]) for name in named}
        runs = {name: Costed(config, _lengths(config, arguments)) for name, config in configs.items()}
        print(overview(runs, given_codec(arguments), arguments.collection))
        return 0
    config = _configured(arguments.run)
    vocabulary, lengths = vocabulary_of(config.tokenizer), _lengths(config, arguments)
    print(describe(config, vocabulary, lengths, given_codec(arguments), arguments.collection))
    return 0


def _lengths(config: RunConfig, arguments: argparse.Namespace) -> Lengths:
    collator = config.collator
    return Lengths(
        arguments.question or collator.question_tokens,
        arguments.passage or collator.passage_tokens,
        arguments.target or collator.target_tokens,
    )


def describe(
    config: RunConfig, vocabulary: int, lengths: Lengths, codec: ComponentConfig | None, collection: int | None = None
) -> str:
    """The table of ``glimmer compute``, the memory of ``collection`` passages with it.

    ``codec`` is what memory is stored by; None: as it would be by default.
    """
    shape = shape_of(config, vocabulary, lengths)
    formula, exact = papers_formula(shape), exact_count(shape)
    rows = [[part, _count(formula.parts[part]), _count(exact.parts[part])] for part in PARTS]
    rows += [["source side", quantity(formula.source), quantity(exact.source)]]
    rows += [["total", quantity(formula.total), quantity(exact.total)]]
    units = source_units(shape.retrieved, shape.kept, shape.alpha, shape.beta)
    return "\n".join(
        [
            f"{shape.retrieved} passages retrieved, {shape.kept} kept; {shape.question} question, {shape.passage} "
            f"passage and {shape.target} target tokens, vocabulary {shape.vocabulary:,}; "
            f"α = {shape.alpha}, β = {shape.beta}",
            "",
            table(["multiply-adds of a question", "papers' formula", "exact"], rows),
            "",
            f"source side by the formula: {float(units):g} n_p·L·d²",
            *_memory_lines(shape, codec_for(config.memory, shape.width, codec), collection),
            *_parameter_lines(config, vocabulary),
        ]
    )


def _memory_lines(shape: ReaderShape, codec: Codec, collection: int | None) -> list[str]:
    if shape.live_layers == shape.layers:
        return ["stored memory: none, for all layers are live"]
    token, tokens = codec.bytes_per_token, codec.stored_tokens(shape.passage)
    passage = passage_bytes(codec, shape.passage)
    kept = "" if tokens == shape.passage else f" for {tokens} of {shape.passage} tokens"
    every = "" if collection is None else f", {quantity(passage * collection)}B for {collection:,} passages"
    return [
        f"writing a passage's memory, once: {quantity(passage_memory(shape))} multiply-adds",
        f"stored memory (codec {codec.config.name}): {token} bytes a token, {passage:,} bytes a passage{kept}{every}",
    ]


def _parameter_lines(config: RunConfig, vocabulary: int) -> list[str]:
    reader = sketch_reader(config, vocabulary)
    total = count_parameters(reader)
    parts = ", ".join(f"{count:,} {part}" for part, count in parameters_by_part(reader).items())
    return [f"parameters: {total:,}, {quantity(4 * total)}B in fp32 and {quantity(2 * total)}B in bf16", f"  {parts}"]


def _experiments(pattern: str) -> list[str]:
    """The experiments whose names match ``pattern``, as a shell's would."""
    known = [file.name for file in files() if file.group == "experiment"]
    found = [name for name in known if fnmatchcase(name, pattern)]
    if not found:
        raise ConfigError(f"--experiments {pattern}: no experiment matches; {suggest(pattern, known)}")
    return found


def _configured(words: Sequence[str]) -> RunConfig:
    """The configuration that a run's folder, a file or overrides mean; a run has its own tokenizer."""
    if len(words) != 1 or "=" in words[0]:
        return compose_run(words)
    path = Path(words[0])
    file = path / CONFIG if path.is_dir() else path
    if not file.is_file():
        raise ConfigError(f"{file}: no such file; expected a run's folder, its {CONFIG}, or overrides KEY=VALUE")
    mapping: Any = OmegaConf.to_container(OmegaConf.load(file))
    config, trained = load_run_config(mapping), file.parent / TOKENIZER
    return replace(config, tokenizer=replace(config.tokenizer, file=str(trained))) if trained.exists() else config


def _count(number: int) -> str:
    return quantity(number) if number else "–"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="glimmer compute", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "run", nargs="*", metavar="RUN | KEY=VALUE", help="a run's folder, its config.yaml, or overrides"
    )
    parser.add_argument("--experiments", metavar="PATTERN", help="a table of them, with the overrides given")
    for name in ("question", "passage", "target"):
        parser.add_argument(f"--{name}", type=positive, metavar="TOKENS", help=f"tokens of a {name}")
    parser.add_argument("--collection", type=positive, metavar="PASSAGES", help="passages whose memory is stored")
    add_codec(parser)
    return parser
