"""``glimmer compute``: what one question costs a configured reader."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from glimmer.analysis.compute import PARTS, exact_count, papers_formula, passage_memory, source_units
from glimmer.analysis.shape import Lengths, shape_of
from glimmer.analysis.tables import quantity, table
from glimmer.cli.arguments import positive
from glimmer.cli.codecs import add_codec, codec_of
from glimmer.config.compose import compose_run
from glimmer.config.load import load_run_config
from glimmer.config.schema import RunConfig
from glimmer.data.tokenizers import load_tokenizer
from glimmer.data.tokenizers.bpe import BpeConfig
from glimmer.errors import ConfigError
from glimmer.memory import CODECS
from glimmer.registry import ComponentConfig
from glimmer.training.run import CONFIG, TOKENIZER

DESCRIPTION = """\
Count the multiply-adds of one question by part: the papers' formula (d² terms alone) beside the exact count of every
matrix product, and the bytes of stored memory. Memory counts as stored already; lengths are the longest that
the configuration admits unless given.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    arguments = _parser().parse_args(argv)
    config = _configured(arguments.run)
    collator = config.collator
    lengths = Lengths(
        arguments.question or collator.question_tokens,
        arguments.passage or collator.passage_tokens,
        arguments.target or collator.target_tokens,
    )
    print(describe(config, _vocabulary(config), lengths, codec_of(arguments.codec)))
    return 0


def describe(config: RunConfig, vocabulary: int, lengths: Lengths, codec: ComponentConfig) -> str:
    """The table of ``glimmer compute``."""
    shape = shape_of(config, vocabulary, lengths)
    formula, exact = papers_formula(shape), exact_count(shape)
    rows = [[part, _count(formula.parts[part]), _count(exact.parts[part])] for part in PARTS]
    rows += [["source side", quantity(formula.source), quantity(exact.source)]]
    rows += [["total", quantity(formula.total), quantity(exact.total)]]
    store = CODECS.build(codec, width=shape.width)
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
            f"writing a passage's memory, once: {quantity(passage_memory(shape))} multiply-adds",
            f"stored memory (codec {codec.name}): {store.bytes_per_token} bytes a token, "
            f"{store.bytes_per_token * shape.passage:,} bytes a passage",
        ]
    )


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


def _vocabulary(config: RunConfig) -> int:
    """The size of the tokenizer that the run has or names; before it is trained, the size asked for."""
    if config.tokenizer.file is not None:
        return load_tokenizer(config.tokenizer).vocabulary
    if not isinstance(config.tokenizer, BpeConfig):
        raise ConfigError(f"tokenizer.file is null: a {config.tokenizer.name} tokenizer has no size before training")
    return config.tokenizer.vocabulary


def _count(number: int) -> str:
    return quantity(number) if number else "–"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="glimmer compute", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "run", nargs="*", metavar="RUN | KEY=VALUE", help="a run's folder, its config.yaml, or overrides"
    )
    for name in ("question", "passage", "target"):
        parser.add_argument(f"--{name}", type=positive, metavar="TOKENS", help=f"tokens of a {name}")
    add_codec(parser)
    return parser
