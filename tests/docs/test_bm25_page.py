"""The page on BM25's index: another program that goes by it reads what was written, and its commands exist."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from glimmer.cli import passages
from glimmer.retrieval.inversion import write_inverted_index

PAGE = (Path(__file__).parents[2] / "docs" / "bm25_index.md").read_text()


@pytest.fixture
def index(tmp_path: Path) -> Path:
    write_inverted_index(tmp_path / "index", {"code": "c"}, [["plum"], ["fig", "apple", "fig"], ["fig"]])
    return tmp_path / "index"


def test_its_code_finds_a_word(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(index)
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["holders"] == {1: 2, 2: 1}


def test_it_names_every_key_and_array(index: Path) -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", PAGE, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    arrays = {path.stem for path in index.glob("*.npy")}
    assert json.loads((index / "manifest.json").read_text()).keys() | arrays == told


@pytest.mark.parametrize("words", [line.split()[2:] for line in re.findall(r"^glimmer passages .*", PAGE, re.M)])
def test_its_commands_can_be_given(words: list[str]) -> None:
    passages._parser().parse_args(words)
