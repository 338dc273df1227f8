"""What is written appears complete or not at all, and what cannot be written ends in one line."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from glimmer.data.files import json_object, write_bytes
from glimmer.data.folders import new_folder
from glimmer.errors import DataError

Write = Callable[[Path], None]


def write_folder(path: Path) -> None:
    with new_folder(path) as folder:
        (folder / "a").write_text("new")


def write_file(path: Path) -> None:
    write_bytes(path, b"new")


WRITERS = pytest.mark.parametrize("write", [write_file, write_folder])


@WRITERS
@pytest.mark.parametrize("name", ["thing", "deep/er/thing"])
def test_what_is_written_is_there_for_everyone_and_nothing_beside_it(tmp_path: Path, name: str, write: Write) -> None:
    write(tmp_path / name)
    assert [path.name for path in (tmp_path / name).parent.iterdir()] == ["thing"]
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) & 0o444 == 0o444


@WRITERS
def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path, write: Write) -> None:
    (tmp_path / "file").write_text("old")
    for name in ("file/thing", "file/deep/thing"):
        with pytest.raises(DataError) as caught:
            write(tmp_path / name)
        assert str(caught.value) == f"{tmp_path / name}: cannot be written: {tmp_path / 'file'} is a file, not a folder"


@WRITERS
@pytest.mark.parametrize("function", ["os.replace", "os.mkdir", "os.chmod"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_what_the_system_refuses_is_one_error_and_leaves_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write, function: str, number: int
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    path = tmp_path / "deep" / "thing"
    monkeypatch.setattr(function, refuse)
    with pytest.raises(DataError) as caught:
        write(path)
    monkeypatch.undo()
    assert str(caught.value) == f"{path}: cannot be written: {os.strerror(number)}"
    assert [found for found in tmp_path.rglob("*") if found != path.parent] == []


@WRITERS
def test_an_interruption_leaves_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    def interrupt(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.chmod", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "thing")
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["{", "1" * 5000, "[" * 100_000])
def test_a_line_that_no_parser_takes_is_named(line: str) -> None:
    with pytest.raises(DataError, match=r"^f:3: not JSON: .*; expected a thing$"):
        json_object("f:3", line + "\n", "a thing")
