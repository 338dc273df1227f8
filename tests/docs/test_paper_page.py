"""The page on the paper's runs: its table is what its command prints, its commands work, its marks are the files'."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

import glimmer.config
from glimmer.cli.main import main
from glimmer.config.compose import compose_run
from glimmer.data.kilt_sets import KILT_SETS, SPLITS

PAGE = (Path(__file__).parents[2] / "docs" / "paper_runs.md").read_text()
PARTS = Path(glimmer.config.__file__).parent / "experiment" / "paper" / "part"
COMMANDS = [shlex.split(line)[1:] for line in re.findall(r"^glimmer .*$", PAGE, re.MULTILINE)]
FETCH = argparse.ArgumentParser()
FETCH.add_argument("sets", nargs="+")
FETCH.add_argument("--splits")
FETCHED = next(FETCH.parse_args(command[2:]).sets for command in COMMANDS if command[0] == "fetch")


def test_its_table_is_what_the_command_beside_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    (command,) = [command for command in COMMANDS if "--experiments" in command]
    assert main(command) == 0
    assert capsys.readouterr().out in PAGE


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_its_other_commands_can_be_given(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if command[0] == "fetch":
        given = FETCH.parse_args(command[2:])
        assert set(given.sets) <= set(KILT_SETS)
        assert set(given.splits.split(",")) <= set(SPLITS)
    elif command[0] == "train":
        config = compose_run(command[1:])
        assert config.trainer.initialise == config.tokenizer.file == "hf:google/t5-v1_1-base"
        assert set(config.tasks) == set(FETCHED)
    elif "--experiments" not in command:
        assert main(command) == 0
        assert "11,135,342,593" in capsys.readouterr().out


def test_its_marks_are_those_of_the_files() -> None:
    told = set(re.findall(r"^\| `(\w+): ", PAGE, re.MULTILINE))
    used = {mark for file in PARTS.glob("*.yaml") for mark in re.findall(r"\S  # (\w+): ", file.read_text())}
    assert told == used
