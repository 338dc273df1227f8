"""Folders take their place whole; what killed processes leave goes, what living ones fill stays."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from glimmer.data.folders import new_folder, remove_unfinished


def test_a_folder_takes_its_place_when_all_of_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int | str] = []
    sync, replace = os.fsync, os.replace

    def synced(handle: int) -> None:
        done.append(os.fstat(handle).st_ino)
        sync(handle)

    def replaced(source: str, target: str) -> None:
        done.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    with new_folder(tmp_path / "thing") as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "a").write_text("new")
    parts = [tmp_path / "thing" / "deep", tmp_path / "thing" / "deep" / "a", tmp_path]
    *filled, parent = (part.stat().st_ino for part in parts)
    assert {*done[:-2]} == {*filled}
    assert done[-2:] == ["replace", parent]


def test_what_killed_writers_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".thing.ab3_xy9z").write_text("half")
    (tmp_path / ".thing.0bc_xyzz").mkdir()
    (tmp_path / ".thing.0bc_xyzz" / "a").write_text("half")
    kept = ["thing", ".thing.backup-1", ".thing.index.ab3_xy9z", "thing.ab3_xy9z"]
    for name in kept:
        (tmp_path / name).write_text("whole")
    remove_unfinished(tmp_path / "thing")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


FILLING = """
import os, signal, sys
from pathlib import Path
from glimmer.data.folders import new_folder
with new_folder(Path(sys.argv[1])) as folder:
    (folder / "a").write_text("half")
    print("filling", flush=True)
    sys.stdin.readline()
"""


def test_a_folder_that_is_being_filled_stays_until_its_maker_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILLING, str(tmp_path / "thing")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "filling\n"
        (theirs,) = tmp_path.iterdir()
        with new_folder(tmp_path / "thing") as folder:
            (folder / "a").write_text("whole")
        assert sorted(tmp_path.iterdir()) == sorted([theirs, tmp_path / "thing"])
        maker.kill()
    assert maker.returncode == -signal.SIGKILL
    assert (theirs / "a").read_text() == "half"
    with new_folder(tmp_path / "other"):
        assert theirs.exists()
    remove_unfinished(tmp_path / "thing")
    assert sorted(tmp_path.iterdir()) == [tmp_path / "other", tmp_path / "thing"]
    assert (tmp_path / "thing" / "a").read_text() == "whole"


def test_a_new_folder_takes_away_what_a_killed_maker_left(tmp_path: Path) -> None:
    left = tmp_path / ".thing.ab3_xy9z"
    left.mkdir()
    (left / "a").write_text("half")
    with new_folder(tmp_path / "thing") as folder:
        assert sorted(tmp_path.iterdir()) == [folder]
