"""The page on pretrained T5s and BERTs: its commands compose, its code runs, and its values are those that exist."""

import re
import shlex
from pathlib import Path

import pytest
from bert_folders import MINILM, needs_minilm

from glimmer.cli.export import FORMATS
from glimmer.config.compose import compose_run
from glimmer.models.huggingface.reduce import REDUCTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "pretrained.md").read_text()
COMMANDS = re.findall(r"^glimmer train (.*)$", PAGE, re.MULTILINE)
CODE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("command", COMMANDS)
def test_its_runs_compose(command: str) -> None:
    config = compose_run(shlex.split(command))
    assert config.trainer.initialise == (MINILM if "encoder=minilm" in command else "models/t5")
    assert config.tokenizer.file == config.trainer.initialise


@needs_minilm
def test_its_code_says_that_a_question_is_near_its_answer(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = CODE
    exec(code, {})
    assert float(capsys.readouterr().out) > 0.7


def test_it_names_every_reduction_and_the_format() -> None:
    assert [name for name in REDUCTIONS if f"\n| `{name}` |" not in PAGE] == []
    assert "--format huggingface" in PAGE
    assert "huggingface" in FORMATS
