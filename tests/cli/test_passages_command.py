"""The command cuts, goes on, says what it made, and ends in one line where something is wrong."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from glimmer.cli.main import main
from glimmer.data.knowledge import build
from glimmer.data.passages import read_passages, write_passages
from glimmer.data.values import Passage, Provenance


@pytest.fixture
def source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = tmp_path / "source.json"
    assert main(["passages", "generate", str(path), "--paragraphs", "300"]) == 0
    assert "16 pages of at least 300 paragraphs" in capsys.readouterr().out
    return path


def test_a_generated_source_is_cut_and_read(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["passages", "cut", str(source), "--output", str(tmp_path / "out"), "--words", "50"]
    assert main(command) == 0
    collection = read_passages(tmp_path / "out" / "passages.jsonl")
    passages = collection.passages
    assert f"{len(passages):,} passages of 16 pages" in capsys.readouterr().out
    assert all(1 <= len(passage.text.split()) <= 50 for passage in passages)
    assert len(collection.named_by(Provenance(None, wikipedia_id="3"))) > 1
    assert main(command) == 0
    assert f"{len(passages):,} passages of 16 pages" in capsys.readouterr().out


def test_a_generated_source_is_the_same_again(source: Path, tmp_path: Path) -> None:
    for name, seed in (("same.json", "0"), ("other.json", "1")):
        assert main(["passages", "generate", str(tmp_path / name), "--paragraphs", "300", "--seed", seed]) == 0
    assert (tmp_path / "same.json").read_bytes() == source.read_bytes()
    assert (tmp_path / "other.json").read_bytes() != source.read_bytes()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_stops_it_and_the_same_command_goes_on(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(
        build.build_passages, "__kwdefaults__", {**build.build_passages.__kwdefaults__, "shard_bytes": 9000}
    )
    cut_shard = build.cut_shard

    def cut_and_stop(*args: Any) -> None:
        cut_shard(*args)
        os.kill(os.getpid(), signal.Signals[name])

    command = ["passages", "cut", str(source), "--output", str(tmp_path / "out")]
    with monkeypatch.context() as patch:
        patch.setattr(build, "cut_shard", cut_and_stop)
        assert main(command) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.endswith(f"stopped by {name} after 1 of its shards; the same command goes on")
    assert main(command) == 0
    assert main(["passages", "cut", str(source), "--output", str(tmp_path / "whole")]) == 0
    names = [path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*") if path.is_file()]
    assert all((tmp_path / "out" / p).read_bytes() == (tmp_path / "whole" / p).read_bytes() for p in names)


def test_a_broken_source_is_one_line(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source.write_bytes(source.read_bytes()[:-100])
    assert main(["passages", "cut", str(source), "--output", str(tmp_path / "out")]) == 1
    assert f"glimmer: error: {source}:16: not JSON" in capsys.readouterr().err


def test_a_benchmark_is_a_row_a_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["passages", "benchmark", "--passages", "20,40", "--dir", str(tmp_path)]) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()[2:]] == ["20", "40"]
    assert list(tmp_path.iterdir()) == []


def test_an_index_is_made_beside_any_passages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_passages(tmp_path / "p.jsonl", [Passage("1", "A", "text")])
    assert main(["passages", "index", str(tmp_path / "p.jsonl")]) == 0
    assert "p.jsonl.index: 1 passages" in capsys.readouterr().out
    assert read_passages(tmp_path / "p.jsonl")["1"].text == "text"
