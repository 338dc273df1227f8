"""Numbers on the command line are checked before anything is loaded."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from glimmer.cli.main import main


@pytest.mark.parametrize(
    ("command", "option", "value", "least"),
    [
        ("evaluate", "--batch-size", "0", 1),
        ("evaluate", "--limit", "-1", 1),
        ("evaluate", "--passages", "0", 1),
        ("evaluate", "--kept", "0", 1),
        ("evaluate", "--kept", "five", 1),
        ("predict", "--kept", "0", 1),
        ("predict", "--show", "-1", 0),
        ("encode", "--batch-size", "0", 1),
    ],
)
def test_a_number_that_is_too_small_is_refused(
    command: str, option: str, value: str, least: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([command, "nowhere", f"{option}={value}"])
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.endswith(f"argument {option}: expected a whole number of at least {least}, found '{value}'")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["quickstart", "--minutes=-3"], "argument --minutes: expected a number above 0, found '-3'"),
        (["quickstart", "--minutes=nan"], "argument --minutes: expected a number above 0, found 'nan'"),
        (["quickstart", "--minutes=inf"], "argument --minutes: expected a number above 0, found 'inf'"),
        (["quickstart", "--minutes=soon"], "argument --minutes: expected a number above 0, found 'soon'"),
        (["quickstart", "--systems=fid,,lumen"], "argument --systems: expected names with commas between them"),
        (["evaluate", "nowhere", "--tasks="], "argument --tasks: expected names with commas between them"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"glimmer {version('glimmer')}\n"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m glimmer components | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["callback", "0"]
