"""``glimmer encode`` itself, killed or out of room in the middle: the same command goes on, to the same bytes."""

import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from small_runs import small_run, write_corpus

from glimmer.cli.main import main
from glimmer.data.passages import write_passages
from glimmer.data.values import Passage
from glimmer.errors import StoreError
from glimmer.memory import MemoryStore
from glimmer.memory.locks import unless_held
from glimmer.training.run import train

COUNT = 160
PRODUCT = "product,codes=16,subspaces=4,sample=200"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    config = small_run(write_corpus(folder / "data"), folder / "run")
    return train(replace(config, trainer=replace(config.trainer, steps=1)))


def command(run: Path, codec: str, *more: str) -> list[str]:
    """Encode passages two a shard."""
    file = run / "passages.jsonl"
    if not file.exists():
        lands = [f"Land{number}" for number in range(COUNT)]
        write_passages(file, [Passage(land, land, f"The capital of {land} is Town.") for land in lands])
    options = ["--codec", codec, "--shard-passages", "2", "--batch-size", "2", "--device", "cpu"]
    return ["encode", str(run), "--passages", str(file), *options, *more]


def content(path: Path) -> dict[str, bytes]:
    files = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith("lock")]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def kill_in_the_middle(words: list[str], store: Path) -> None:
    """Give a command in a process of its own, and kill it once some shards are finished."""
    code = "import sys; from glimmer.cli.main import main; sys.exit(main())"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
    with subprocess.Popen([sys.executable, "-c", code, *words], env=environment, stderr=subprocess.PIPE) as process:
        while len(list((store / "work" / "records").glob("*.json"))) < 10:
            assert process.poll() is None, process.stderr and process.stderr.read().decode()
            time.sleep(0.001)
        process.kill()
        process.wait()
    assert process.returncode == -signal.SIGKILL


def wait_until_let_go(store: Path) -> None:
    """Until the other processes of a killed command have ended."""
    while True:
        with unless_held(store / "lock") as free:
            if free:
                return
        time.sleep(0.01)


@pytest.mark.parametrize(("codec", "processes"), [("raw", 1), (PRODUCT, 2)])
def test_killed_it_goes_on_to_the_same_bytes(run: Path, tmp_path: Path, codec: str, processes: int) -> None:
    whole, store = tmp_path / "whole", tmp_path / "store"
    shared = ["--processes", str(processes)]  # with other threads a process, some processors round otherwise
    assert main(command(run, codec, "--output", str(whole), *shared)) == 0
    words = command(run, codec, "--output", str(store), *shared)
    kill_in_the_middle(words, store)
    wait_until_let_go(store)
    records = {file: file.stat().st_mtime_ns for file in (store / "work" / "records").glob("0*.json")}
    assert 10 <= len(records) < COUNT // 2
    shards = {file: file.stat().st_mtime_ns for file in (store / "shards").glob("0*")}
    with pytest.raises(StoreError, match="is not finished"):
        MemoryStore(store)
    assert main(words) == 0
    assert content(store) == content(whole)
    again = [file for file, time in shards.items() if file.stat().st_mtime_ns != time]
    assert len(again) <= len(shards) - len(records)  # what was finished was not written again


def test_out_of_room_it_says_so_in_a_line_and_goes_on_later(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, store = tmp_path / "whole", tmp_path / "store"
    assert main(command(run, "raw", "--output", str(whole))) == 0
    most = max(file.stat().st_size for file in (whole / "shards").iterdir())  # the first to have three digits
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    capsys.readouterr()
    resource.setrlimit(resource.RLIMIT_FSIZE, (most - 1, hard))
    try:
        assert main(command(run, "raw", "--output", str(store))) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("glimmer: error: ")]
    assert len(told) == 1
    assert "cannot be written: File too large; finished shards are kept: make room and give the same command" in told[0]
    assert 0 < len(list((store / "work" / "records").iterdir())) < COUNT // 2
    assert main(command(run, "raw", "--output", str(store))) == 0
    assert content(store) == content(whole)
