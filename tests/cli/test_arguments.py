"""Numbers on the command line are checked before anything is loaded."""

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
