"""Every command has a script that sets up what it needs."""

import os
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
