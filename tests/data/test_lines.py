"""The lines of a file are those that Python reads, wherever pieces of the search for their ends begin."""

import gzip
from pathlib import Path

import pytest

from glimmer.data import lines
from glimmer.data.lines import Lines

TEXTS = [b"", b"\n", b"a", b"a\n", b"a\n\nbc\r\nd", "é\u2028x\n".encode() * 9, b"\n\n\n", b"x" * 50]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("scanned", [1, 3, 1 << 24])
@pytest.mark.parametrize("text", TEXTS)
def test_lines_are_those_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes, scanned: int, packed: bool
) -> None:
    monkeypatch.setattr(lines, "SCANNED", scanned)
    path = tmp_path / ("f.gz" if packed else "f")
    path.write_bytes(gzip.compress(text) if packed else text)
    expected = text.split(b"\n")
    expected = [part + b"\n" for part in expected[:-1]] + [part for part in expected[-1:] if part]
    found = Lines(path)
    assert list(found) == expected
    assert list(found[1:]) == expected[1:]
    assert found.start(len(found)) == len(text)
    if expected:
        assert found[-1] == expected[-1]
    with pytest.raises(IndexError):
        found[len(expected)]
