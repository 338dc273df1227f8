"""A store is written shard by shard: whoever is stopped goes on, to the same bytes, and nobody gets in between."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from glimmer.errors import DataError, StoreError
from glimmer.memory import CODECS, MemoryStore
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.writer import Encoded, Plan, Share, StoreWriter

WIDTH, SHARD, COUNT = 4, 3, 10
MADE_BY = Fingerprint("encoder", "weights", 2, "text")


def plan(**changes: Any) -> Plan:
    codec = CODECS.build(CODECS.configure("raw", dtype="float32"), width=WIDTH)
    return Plan(**{"codec": codec, "made_by": MADE_BY, "shard_passages": SHARD} | changes)


def shard(number: int) -> list[Encoded]:
    rows = range(number * SHARD, min(COUNT, (number + 1) * SHARD))
    return [(f"p{row}", [row] * (1 + row % 4), torch.full((1 + row % 4, WIDTH), float(row))) for row in rows]


SHARDS = -(-COUNT // SHARD)


def write(
    path: Path, share: Share | None = None, stop: int = SHARDS, source: str = "", given: Plan | None = None
) -> list[int]:
    """The shards that had to be written."""
    written = []
    with StoreWriter(path, given or plan(), share) as writer:
        for number in range(stop):
            if not writer.published and writer.share.has(number) and not writer.finished(number, source):
                passages = shard(number)
                writer.write(number, passages[0][0], source, passages, lambda tokens, size: None)
                written.append(number)
        writer.publish([source] * SHARDS)
    return written


def content(path: Path) -> dict[str, bytes]:
    files = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith("lock")]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def refused(path: Path, **changes: Any) -> str:
    with pytest.raises(StoreError) as caught:
        write(path, given=plan(**changes))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, bytes]:
    write(tmp_path / "whole")
    return content(tmp_path / "whole")


def test_what_was_stopped_between_shards_goes_on_from_there(tmp_path: Path, whole: dict[str, bytes]) -> None:
    path = tmp_path / "store"
    assert write(path, stop=2) == [0, 1]
    with pytest.raises(StoreError, match="is not finished: its writer was stopped, or is at work; the command that"):
        MemoryStore(path)
    assert write(path) == [2, 3]
    assert content(path) == whole


KILLED = """
import os, signal, sys
from pathlib import Path
from test_writer import plan, shard
from glimmer.memory.writer import StoreWriter
def killed(number):
    for row, passage in enumerate(shard(number)):
        if (number, row) == (2, 1):
            os.kill(os.getpid(), signal.SIGKILL)
        yield passage
with StoreWriter(Path(sys.argv[1]), plan()) as writer:
    for number in range(4):
        writer.write(number, shard(number)[0][0], "", killed(number), lambda tokens, size: None)
"""


def child(code: str, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_what_was_killed_within_a_shard_goes_on_to_the_same_bytes(tmp_path: Path, whole: dict[str, bytes]) -> None:
    path = tmp_path / "store"
    killed = child(KILLED, str(path))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert any(file.name.startswith(".") for file in (path / "shards").iterdir())
    assert write(path) == [2, 3]
    assert content(path) == whole


def test_passages_that_cannot_be_read_are_no_matter_of_room(tmp_path: Path) -> None:
    def broken() -> Iterator[Encoded]:
        yield shard(0)[0]
        raise DataError("passages.jsonl:3: no title")

    with StoreWriter(tmp_path / "store", plan()) as writer:
        with pytest.raises(DataError, match=r"^passages\.jsonl:3: no title$"):
            writer.write(0, "p0", "", broken(), lambda tokens, size: None)
        assert not list((tmp_path / "store" / "shards").iterdir())


FULL = """
import resource, sys
from pathlib import Path
from test_writer import write
from glimmer.errors import StoreError
resource.setrlimit(resource.RLIMIT_FSIZE, (4096 + 150, resource.RLIM_INFINITY))
try:
    write(Path(sys.argv[1]))
except StoreError as error:
    print(error)
"""


def test_a_full_disk_is_one_line_and_the_write_goes_on_when_there_is_room(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    path = tmp_path / "store"
    (said,) = child(FULL, str(path)).stdout.splitlines()
    assert said.startswith(f"{path}: cannot be written: File too large; finished shards are kept: make room")
    assert not [file for file in (path / "shards").iterdir() if file.name.startswith(".")]
    write(path)
    assert content(path) == whole


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2)])
def test_several_writers_make_the_same_bytes(tmp_path: Path, whole: dict[str, bytes], order: tuple[int, ...]) -> None:
    path = tmp_path / "store"
    written = [write(path, Share(number, 3)) for number in order]
    assert sorted(number for some in written for number in some) == list(range(SHARDS))
    assert written[order.index(1)] == [0, 3]
    assert content(path) == whole


def test_the_last_of_several_writers_to_leave_cleans_up(tmp_path: Path, whole: dict[str, bytes]) -> None:
    path = tmp_path / "store"
    with StoreWriter(path, plan(), Share(2, 2)) as slow:
        write(path, Share(1, 2))
        for number in (1, 3):
            slow.write(number, shard(number)[0][0], "", shard(number), lambda tokens, size: None)
        write(path, Share(1, 2))
        MemoryStore(path, verify=True)
        assert slow.finished(1, "")  # what it has written is still known
        with pytest.raises(StoreError, match="was completed by another process meanwhile, of other passages than this"):
            slow.write(1, "p3", "another text", shard(1), lambda tokens, size: None)
        assert slow.publish([""] * SHARDS)
    assert content(path) == whole


def test_a_share_that_comes_late_is_done_if_one_command_writes_all(tmp_path: Path, whole: dict[str, bytes]) -> None:
    path = tmp_path / "store"
    write(path)
    assert write(path, Share(1, 2, together=True)) == []
    with pytest.raises(StoreError, match="exists already"):
        write(path, Share(1, 2))
    assert content(path) == whole


def test_what_killed_writers_left_is_removed_but_nobody_elses_files(tmp_path: Path) -> None:
    path = tmp_path / "store"
    write(path, stop=2)
    left = [".manifest.json.abcd_123", "shards/.00001-000002.safetensors.abcd_123", "work/.plan.json.abcd_123"]
    others = [".DS_Store", "shards/.nfs0001", ".manifest.json.backup-of-mine"]
    for name in (*left, *others):
        (path / name).write_text("")
    (path / ".index-00001.abcd_123").mkdir()
    assert write(path, Share(1, 2), stop=2) == []
    assert not (path / left[1]).exists()  # of a shard of its own
    assert (path / left[0]).exists()  # others may be at it
    assert write(path) == [2, 3]
    assert not any((path / name).exists() for name in (*left, ".index-00001.abcd_123"))
    assert all((path / name).exists() for name in others)


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with StoreWriter(path, plan()):
        assert refused(path) == f"{path} is being written by another process; wait until it is done"
        with pytest.raises(StoreError, match="is being written by another process"):
            write(path, Share(1, 2))
    with StoreWriter(path, plan(), Share(1, 2)):
        assert refused(path).startswith(f"{path} is being written by another process")
        with pytest.raises(StoreError, match="its part 1-of-2 is being written by another process"):
            write(path, Share(1, 2))
        assert write(path, Share(2, 2)) == [1, 3]
    assert write(path, Share(1, 2)) == [0, 2]


def test_a_finished_store_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "store"
    write(path)
    before = content(path)
    assert (
        refused(path) == f"{path} exists already; bring it up to date with `glimmer memory update`, or choose another"
    )
    assert content(path) == before


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("")
    assert "exists already and is no memory store" in refused(tmp_path)
    assert "exists already and is no memory store" in refused(tmp_path / "thesis.txt")
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"shard_passages": 4}, "shard_passages (3 against 4)"),
        ({"batch_size": 8}, "batch_size (0 against 8)"),
        ({"made_by": Fingerprint("encoder", "others", 2, "text")}, "'weights': 'others'"),
    ],
)
def test_what_was_begun_otherwise_is_not_gone_on_with(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    path = tmp_path / "store"
    write(path, stop=1)
    message = refused(path, **changes)
    assert message.startswith(f"{path} was begun otherwise: ")
    assert told in message
    assert write(path) == [1, 2, 3]


def test_a_shard_whose_passages_have_changed_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "store"
    write(path, stop=2, source="one text")
    assert write(path, source="another text") == [0, 1, 2, 3]
    MemoryStore(path, verify=True)


def test_what_a_stopped_completion_left_is_no_hindrance(
    tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store"

    def stopped(file: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("glimmer.memory.publish.file_info", stopped)  # the index is there, the manifest is not
        with pytest.raises(KeyboardInterrupt):
            write(path)
    assert (path / "index-00001").is_dir()
    assert write(path) == []
    assert content(path) == whole


def test_states_are_taken_as_they_come(tmp_path: Path) -> None:
    alive: list[int] = []

    def passages() -> Iterator[Encoded]:
        for passage in shard(0):
            alive.append(len(list((tmp_path / "store" / "shards").iterdir())))
            yield passage

    with StoreWriter(tmp_path / "store", plan()) as writer:
        writer.write(0, "p0", "", passages(), lambda tokens, size: None)
    assert alive == [1, 1, 1]
    assert json.loads((tmp_path / "store" / "work" / "records" / "000000.json").read_text())["passages"] == SHARD


def test_shares_of_another_number_are_refused_while_one_is_written(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with StoreWriter(path, plan(), Share(1, 2)):
        with pytest.raises(
            StoreError, match="its part 1-of-2 is being written by another process, so there is no part"
        ):
            write(path, Share(1, 4))
        assert write(path, Share(2, 2)) == [1, 3]
    assert write(path, Share(1, 4)) == [0]
