"""The page on dense retrieval: its commands compose, and it names every method."""

import re
import shlex
from pathlib import Path

import pytest

from glimmer.config.compose import compose_run
from glimmer.dense import DenseConfig
from glimmer.retrieval.fusion import METHODS, FusionConfig

PAGE = (Path(__file__).parents[2] / "docs" / "dense_retrieval.md").read_text()
COMMANDS = re.findall(r"^glimmer train (.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_its_runs_compose(command: str) -> None:
    retriever = compose_run(shlex.split(command)).data.retrievers["default"]
    dense = retriever.of["dense"] if isinstance(retriever, FusionConfig) else retriever
    assert isinstance(dense, DenseConfig)


def test_it_names_every_method() -> None:
    assert [name for name in METHODS if f"\n| `{name}` |" not in PAGE] == []
