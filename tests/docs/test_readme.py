"""What the README shows, works: its configuration and its commands compose, its Python is the interface."""

import ast
import inspect
import re
import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

import glimmer
import glimmer.plugins
from glimmer.cli.main import COMMANDS
from glimmer.config.compose import compose_run
from glimmer.inference.predictor import Answer, Predictor

README = (Path(__file__).parents[2] / "README.md").read_text()
RUNS = [
    line.split("#")[0]
    for line in re.findall(r"^glimmer (?:train|validate) .*$", README, re.MULTILINE)
    + re.findall(r"`(glimmer train [^`]+)`", README)
    if "…" not in line
]


def test_it_begins_with_the_paper_and_the_two_commands() -> None:
    assert "2306.10231" in README.splitlines()[0]
    first_screen = "\n".join(README.splitlines()[:24])
    assert "scripts/quickstart" in first_screen
    assert "scripts/test" in first_screen


def test_it_names_every_command() -> None:
    assert [command for command in COMMANDS if f"`glimmer {command}" not in README] == []


@pytest.mark.parametrize("run", RUNS)
def test_its_runs_compose(run: str) -> None:
    overrides = [word for word in shlex.split(run)[2:] if "=" in word]
    for item in OverridesParser.create().parse_overrides(overrides):
        if item.is_sweep_override():
            first = next(iter(item.sweep_string_iterator()))
            overrides[overrides.index(str(item.input_line))] = f"{item.key_or_group}={first}"
    compose_run(overrides)


def test_its_configuration_composes_in_a_plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glimmer.plugins, "_config_folders", {})
    (block,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "parts.py").write_text("")
    file = tmp_path / "config" / "experiment" / "mine.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(block)
    config = compose_run([f"user_dir={tmp_path}", "experiment=mine"])
    assert config.reranker.name == "max_sim"
    assert config.criterions["gold_ranking"].weight == 0.5
    assert len(config.criterions) == 3


def test_its_python_uses_what_exists() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    used = {node.attr for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Attribute)}
    offered = {*dir(glimmer), *dir(Predictor), *inspect.get_annotations(Answer), "id", "score"}
    assert used <= offered
