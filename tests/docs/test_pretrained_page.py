"""The page on pretrained T5s: its commands compose, and its values are those that exist."""

import re
import shlex
from pathlib import Path

import pytest

from glimmer.cli.export import FORMATS
from glimmer.config.compose import compose_run
from glimmer.models.huggingface.reduce import REDUCTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "pretrained_t5.md").read_text()
COMMANDS = re.findall(r"^glimmer train (.*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_its_runs_compose(command: str) -> None:
    assert compose_run(shlex.split(command)).trainer.initialise == "models/t5"


def test_it_names_every_reduction_and_the_format() -> None:
    assert [name for name in REDUCTIONS if f"\n| `{name}` |" not in PAGE] == []
    assert "--format huggingface" in PAGE
    assert "huggingface" in FORMATS
