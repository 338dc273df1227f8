"""What encoding shows counts encoding alone."""

import time

import pytest

from glimmer.inference.progress import Progress


def test_the_time_of_learning_counts_for_no_rate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with Progress(2, shown=True) as shown:
        with shown.learning():
            assert "learn the codec" in capsys.readouterr().err
            now = 100.0
        assert "encode" in capsys.readouterr().err
        now = 102.0
        shown.done(tokens=50, size=100)
        assert shown.tokens_per_second == 25
