"""The page on the memory store: another program that goes by it reads what was written, and its commands exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from glimmer.cli import memory
from glimmer.memory import CODECS
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.layout import ShardInfo, header, sections
from glimmer.memory.manifest import PROMISES
from glimmer.memory.store import MemoryStore
from glimmer.memory.writer import write_store

PAGE = (Path(__file__).parents[2] / "docs" / "memory_store.md").read_text()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    codec = CODECS.build(CODECS.configure("raw"), width=4)
    passages = [(f"p{row}", [row] * (row + 1), torch.full((row + 1, 4), float(row))) for row in range(3)]
    write_store(tmp_path / "store", passages, codec, Fingerprint("encoder", "weights", 2, "text"))
    return tmp_path / "store"


def test_its_code_reads_a_passage(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(store)
    names: dict[str, Any] = {}
    exec(code.replace('b"p0"', 'b"p2"'), names)
    assert torch.equal(names["states"], torch.full((3, 4), 2.0, dtype=torch.bfloat16))


def test_it_names_every_key_and_array(store: Path) -> None:
    manifest = MemoryStore(store).promised
    rows = set(re.findall(r"^\| (`[^|]+`) \|", PAGE, re.MULTILINE))
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert {"format_version", *PROMISES} | sections(manifest.rows, "a", 1, 1, 1).keys() == told
    assert [name for name in ShardInfo.__dataclass_fields__ if f"`{name}`" not in PAGE] == []
    assert len(header(manifest.rows, "a", 1, 1, 1)) % 4096 == 0


@pytest.mark.parametrize(
    "words", [line.split("#")[0].split()[2:] for line in re.findall(r"^glimmer memory .*", PAGE, re.M)]
)
def test_its_commands_can_be_given(words: list[str]) -> None:
    memory._parser().parse_args(words)
