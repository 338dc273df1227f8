"""The command line names its commands, and a mistake ends in one line."""

import pytest

from glimmer.cli.main import COMMANDS, main


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in COMMANDS)


def test_an_unknown_command_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpsu"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "'corpus'" in error
