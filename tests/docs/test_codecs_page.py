"""The page on codecs: its table is what the codecs say, its commands can be read, and its options exist."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from small_codecs import with_ids

from glimmer.cli.codecs import codec_of
from glimmer.memory import CODECS, MEMORIES
from glimmer.memory.codecs import ProductCodec

PAGE = (Path(__file__).parents[2] / "docs" / "memory_codecs.md").read_text()
ROWS = re.findall(r"^\| `(\S+)` \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d.]+) \|$", PAGE, re.MULTILINE)
WIDTHS = (128, 768, 4096)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_is_what_the_codec_stores(row: tuple[str, ...]) -> None:
    name, *cells, smaller = row
    stored = [CODECS.build(codec_of(name), width=width).bytes_per_token for width in WIDTHS]
    assert cells == [f"{count:,}" for count in stored]
    assert smaller == f"{2 * WIDTHS[-1] / stored[-1]:.1f}"


def test_every_codec_is_in_both_tables() -> None:
    names = {entry.name for entry in CODECS if entry.component.__module__.startswith("glimmer.")}
    assert {part.split(",")[0] for row in ROWS for part in row[0].split("+")} == names - {"sequence"}
    layouts = PAGE.split("## What a row holds", 1)[1].split("\n## ", 1)[0]
    assert set(re.findall(r"^\| `(\w+)` \|", layouts, re.MULTILINE)) == names


def test_codebooks_take_what_the_page_says() -> None:
    codec = ProductCodec(codec_of("product"), 128)  # type: ignore[arg-type]
    codec.fit(with_ids([torch.zeros(300, 128)]))
    assert codec.arrays()["codebooks"].nbytes == 4 * 256 * 128 == 131_072


def test_the_commands_name_codecs_that_exist() -> None:
    named = re.findall(r"--codec ([\w,=+]+)", PAGE)
    assert len(named) >= 4
    for text in named:
        if "NAME" not in text:
            codec_of(text)


def test_every_option_of_the_memory_is_there() -> None:
    known = {field.name for field in fields(MEMORIES["quantised"].config)}
    named = set(re.findall(r"`memory\.(\w+)(?:=\w+)?`", PAGE))
    assert named == known - {"name"}
