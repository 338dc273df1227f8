"""The command builds once, says what it built, and is understandable without its source."""

from pathlib import Path

import pytest

from glimmer.cli.main import main


def test_build_prints_the_table_and_is_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", "build", "--dir", str(tmp_path)]) == 0
    first = capsys.readouterr().out
    assert "built in" in first
    for task in ("open_qa", "slot_filling", "fact_verification", "multi_hop"):
        row = next(line for line in first.splitlines() if line.startswith(task))
        assert len(row.split("/")) == 3
    stamp = (tmp_path / "manifest.json").stat().st_mtime_ns
    assert main(["corpus", "build", "--dir", str(tmp_path)]) == 0
    assert "already built" in capsys.readouterr().out
    assert (tmp_path / "manifest.json").stat().st_mtime_ns == stamp


def test_help_names_the_files(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["corpus", "build", "--help"])
    assert caught.value.code == 0
    assert "passages.jsonl" in capsys.readouterr().out


def test_a_broken_corpus_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "manifest.json").write_text("{")
    assert main(["corpus", "build", "--dir", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "manifest.json: not JSON" in error
    assert error.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["corpus", "build", "--dir", str(tmp_path / "file")]) == 1
    error = capsys.readouterr().err
    assert f"cannot be written: {tmp_path / 'file'} is a file, not a folder" in error
    assert error.count("\n") == 1
