"""Every command has a script that sets up what it needs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from glimmer.cli.main import COMMANDS

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_script(command: str) -> None:
    script = SCRIPTS / command
    assert os.access(script, os.X_OK)
    assert f'exec glimmer {command} "$@"' in script.read_text()


@pytest.mark.parametrize("option", ["--slow", "tests/models"])
def test_the_script_of_the_tests_takes_no_option(option: str) -> None:
    done = subprocess.run([SCRIPTS / "test", option], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"unknown option '{option}'" in done.stderr


@pytest.mark.parametrize("script", sorted(SCRIPTS.iterdir()), ids=lambda script: script.name)
def test_a_script_is_valid_shell(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)


def set_up(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    """Source the scripts' environment in a folder with a setup.py of its own, under a Python of this name."""
    (folder / "setup.py").touch()
    (folder / "constraints.txt").touch()
    command = ["bash", "-euc", f". {SCRIPTS / '_environment'}; echo ready"]
    environment = {**os.environ, "PYTHON": python}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_python_that_is_missing_or_too_old_is_named(tmp_path: Path) -> None:
    missing = set_up(tmp_path, "python9")
    assert missing.returncode == 1
    assert "'python9' is not on PATH; install it or set PYTHON=/path/to/python" in missing.stderr
    old = tmp_path / "old"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.8.1\nexit 1\n')
    old.chmod(0o755)
    refused = set_up(tmp_path, str(old))
    assert refused.returncode == 1
    assert "needs Python 3.11 or newer" in refused.stderr
    assert "Python 3.8.1" in refused.stderr
    assert not (tmp_path / ".venv").exists()


def test_a_finished_environment_asks_for_no_python(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    set_up(tmp_path, "python9")  # makes the two files
    stamp = subprocess.run(
        ["bash", "-c", "cat setup.py constraints.txt | cksum"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    (tmp_path / ".venv" / ".installed").write_text(stamp.stdout)
    assert set_up(tmp_path, "python9").stdout == "ready\n"


def test_a_script_leaves_the_user_where_they_are(tmp_path: Path) -> None:
    shutil.copytree(SCRIPTS, tmp_path / "house" / "scripts")
    set_up(tmp_path / "house", "python9")  # makes the two files
    stamp = subprocess.run(
        "cat setup.py constraints.txt | cksum", shell=True, cwd=tmp_path / "house", capture_output=True, check=True
    )
    command = tmp_path / "house" / ".venv" / "bin" / "glimmer"
    command.parent.mkdir(parents=True)
    command.write_text('#!/bin/sh\npwd; echo "$@"\n')
    command.chmod(0o755)
    (tmp_path / "house" / ".venv" / ".installed").write_bytes(stamp.stdout)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    line = ["../house/scripts/evaluate", "runs/x", "--limit", "1"]
    done = subprocess.run(line, cwd=elsewhere, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [str(elsewhere), "evaluate runs/x --limit 1"], done.stderr
