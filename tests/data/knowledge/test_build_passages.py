"""The same source gives the same bytes, however it is made; a broken one is named, and nothing is mixed."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from knowledge_sources import page, varied_pages, write_source

from glimmer.data.knowledge import build
from glimmer.data.knowledge.build import build_passages
from glimmer.data.knowledge.source import lines, shards
from glimmer.data.passages import read_passages
from glimmer.errors import DataError, InterruptionError

SMALL = 2000
"""Bytes of a shard: some pages."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_source(tmp_path / "source.json", varied_pages(60))


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def made(source: Path, output: Path, **options: Any) -> dict[str, bytes]:
    """What a build leaves, but for its manifest."""
    build_passages(source, output, words=8, **options)
    left = content(output)
    del left["manifest.json"]
    return left


def test_shards_and_processes_decide_no_byte(source: Path, tmp_path: Path) -> None:
    whole = made(source, tmp_path / "whole")
    assert sorted(whole) == sorted(
        ["passages.jsonl", *(f"passages.jsonl.index/{n}" for n in
         ("index.json", "offsets.npy", "keys.npy", "rows.npy", "spans.npy", "pages.npy"))]
    )  # fmt: skip
    assert made(source, tmp_path / "shards", shard_bytes=SMALL) == whole
    assert made(source, tmp_path / "processes", shard_bytes=SMALL, processes=2) == whole
    packed = source.with_suffix(".json.gz")
    packed.write_bytes(gzip.compress(source.read_bytes()))
    assert made(packed, tmp_path / "packed", shard_bytes=SMALL) == whole


@pytest.mark.parametrize("size", [1, 50, SMALL, 10**6])
@pytest.mark.parametrize("end", ["\n", ""])
def test_every_line_is_in_one_shard(tmp_path: Path, size: int, end: str) -> None:
    text = "\n".join(["a" * 70, "", "b", "c" * 49, "d" * 50, "e"]) + end
    (tmp_path / "s").write_text(text)
    (tmp_path / "s.gz").write_bytes(gzip.compress(text.encode()))
    for path in (tmp_path / "s", tmp_path / "s.gz"):
        found = [line for shard in shards(path, size) for line in lines(path, shard)]
        assert b"".join(line for _, line in found) == text.encode()
        assert all(text.encode()[at:].startswith(line) for at, line in found)
        assert all(line.count(b"\n") <= 1 for _, line in found)


def test_a_stopped_build_goes_on(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = made(source, tmp_path / "whole", shard_bytes=SMALL)
    asked = iter([None, None, "SIGTERM"])
    with pytest.raises(InterruptionError, match="stopped by SIGTERM after 2 of its shards; the same command goes on"):
        build_passages(source, tmp_path / "out", words=8, shard_bytes=SMALL, stopped=lambda: next(asked))
    assert not (tmp_path / "out" / "passages.jsonl").exists()
    cut: list[int] = []

    def count(path: Path, shard: Any, *rest: Any) -> None:
        cut.append(shard.number)
        build_cut(path, shard, *rest)

    build_cut: Callable[..., None] = build.cut_shard
    monkeypatch.setattr(build, "cut_shard", count)
    assert made(source, tmp_path / "out", shard_bytes=SMALL) == whole
    assert cut[0] == 2


@pytest.mark.parametrize("where", ["write_index", "write_json", "shutil.rmtree"])
def test_a_build_that_fails_while_joining_goes_on(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    whole = made(source, tmp_path / "whole")
    (tmp_path / "out" / "parts").mkdir(parents=True)
    origin = json.loads((tmp_path / "whole" / "manifest.json").read_text())
    kept = {key: origin[key] for key in ("source", "words", "shard_bytes", "cutter_sha256_16")}
    (tmp_path / "out" / "parts" / "parts.json").write_text(json.dumps(kept))

    def fail(path: Path, *args: Any, **kwargs: Any) -> None:
        if path.name != "passages.jsonl.index":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"glimmer.data.knowledge.build.{where}", fail)
        with pytest.raises(KeyboardInterrupt):
            build_passages(source, tmp_path / "out", words=8)
    assert made(source, tmp_path / "out") == whole


def test_a_killed_build_goes_on(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source.json", varied_pages(80))
    whole = made(source, tmp_path / "whole")
    output = tmp_path / "out"
    script = (
        "from pathlib import Path; from glimmer.data.knowledge.build import build_passages\n"
        f"if __name__ == '__main__': build_passages(Path({str(source)!r}), Path({str(output)!r}), words=8, "
        f"processes=2, shard_bytes={SMALL})\n"
    )
    (tmp_path / "run.py").write_text(script)
    process = subprocess.Popen([sys.executable, tmp_path / "run.py"])
    while not list(output.glob("parts/*.jsonl")) and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (output / "passages.jsonl").exists()
    assert made(source, output, shard_bytes=SMALL) == whole


def test_a_finished_folder_is_left_alone(source: Path, tmp_path: Path) -> None:
    manifest = build_passages(source, tmp_path / "out", words=8)
    stamp = (tmp_path / "out" / "passages.jsonl").stat().st_mtime_ns
    assert build_passages(source, tmp_path / "out", words=8) == manifest
    assert (tmp_path / "out" / "passages.jsonl").stat().st_mtime_ns == stamp
    assert manifest["pages"] == 60
    assert manifest["passages"] == len(read_passages(tmp_path / "out" / "passages.jsonl").passages)


@pytest.mark.parametrize("unfinished", [True, False])
def test_another_source_or_option_is_refused(source: Path, tmp_path: Path, unfinished: bool) -> None:
    output = tmp_path / "out"
    if unfinished:
        with pytest.raises(InterruptionError):
            build_passages(source, output, words=8, stopped=lambda: "SIGINT")
    else:
        build_passages(source, output, words=8)
    before = content(output)
    with pytest.raises(DataError, match="words is 8, expected 9"):
        build_passages(source, output, words=9)
    write_source(source, varied_pages(61))
    with pytest.raises(DataError, match=f"{output}: holds passages made otherwise: source is"):
        build_passages(source, output, words=8)
    assert content(output) == before


def test_passages_of_another_origin_are_never_replaced(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "passages.jsonl").write_text("mine")
    with pytest.raises(DataError, match=r"passages\.jsonl: exists already"):
        build_passages(source, tmp_path / "out")
    assert content(tmp_path / "out") == {"passages.jsonl": b"mine"}


def test_a_source_that_changes_on_the_way_is_refused(source: Path, tmp_path: Path) -> None:
    def change() -> None:
        source.write_bytes(source.read_bytes() + b" ")

    with pytest.raises(DataError, match=r"source\.json: the file was changed while it was read"):
        build_passages(source, tmp_path / "out", stopped=change)  # type: ignore[arg-type]
    assert not (tmp_path / "out" / "passages.jsonl").exists()


GOOD = json.dumps(page(1, "Text.\n")).encode() + b"\n"


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (GOOD[:50], "not JSON"),
        (GOOD[:50], "the file seems truncated"),
        (b"hello\n", "not JSON"),
        (b"\n", "not JSON"),
        (b"[1]\n", 'expected a page {"wikipedia_id"'),
        (GOOD.replace(b"wikipedia_id", b"wikipediaid"), "no 'wikipedia_id'; did you mean 'wikipediaid'"),
        (GOOD.replace(b'"text"', b'"texts"'), "no 'text'; did you mean 'texts'"),
        (GOOD.replace(b'"wikipedia_title"', b'"title"'), "no 'wikipedia_title'"),
        (GOOD.replace(b'"1"', b'" "'), "'wikipedia_id' of a page must be non-empty text, found ' '"),
        (GOOD.replace(b'"1"', b"true"), "'wikipedia_id' of a page must be non-empty text, found True"),
        (b'{"wikipedia_id": "3", "wikipedia_title": "T", "text": "x"}\n', "must be a list of paragraphs, found 'x'"),
        (b'{"wikipedia_id": "3", "wikipedia_title": "T", "text": [1]}\n', "must be a list of paragraphs"),
        (GOOD.replace(b"Text", b"\xff"), "not UTF-8 text"),
        (GOOD.replace(b"Text", b"\\ud800"), "half of a surrogate pair"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_broken_line_is_named_and_nothing_is_half_written(
    tmp_path: Path, broken: bytes, words: str, packed: bool
) -> None:
    source = tmp_path / ("s.json.gz" if packed else "s.json")
    text = b"".join(json.dumps(item).encode() + b"\n" for item in varied_pages(20)) + broken
    source.write_bytes(gzip.compress(text) if packed else text)
    for shard_bytes in (SMALL, 1 << 20):
        output = tmp_path / f"out{shard_bytes}"
        with pytest.raises(DataError) as caught:
            build_passages(source, output, shard_bytes=shard_bytes)
        assert str(caught.value).startswith(f"{source}:21: ")
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
        assert not (output / "passages.jsonl").exists()


def test_processes_name_the_first_broken_line(tmp_path: Path) -> None:
    source = tmp_path / "s.json"
    source.write_bytes(GOOD + b"{\n" + b'{"wikipedia_id": "3"}\n')
    with pytest.raises(DataError, match=r"s\.json:2: not JSON"):
        build_passages(source, tmp_path / "out", shard_bytes=40, processes=2)


def test_whole_files_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json: no such file"):
        build_passages(tmp_path / "none.json", tmp_path / "out")
    (tmp_path / "empty.json").touch()
    with pytest.raises(DataError, match=r"empty\.json: the file is empty"):
        build_passages(tmp_path / "empty.json", tmp_path / "out")
    packed = gzip.compress(GOOD * 50)
    (tmp_path / "cut.json.gz").write_bytes(packed[:-12])
    with pytest.raises(DataError, match=r"cut\.json\.gz: the gzip file is truncated"):
        build_passages(tmp_path / "cut.json.gz", tmp_path / "out")
    bare = write_source(tmp_path / "bare.json", [page(1)])
    with pytest.raises(DataError, match="no page of the source has any text"):
        build_passages(bare, tmp_path / "bare")


def test_a_page_that_occurs_twice_is_named(tmp_path: Path) -> None:
    source = write_source(tmp_path / "s.json", [page(1, "A."), page(2, "B."), page(1, "C.")])
    with pytest.raises(DataError, match="duplicate passage id '1-0'"):
        build_passages(source, tmp_path / "out")
    assert not (tmp_path / "out" / "passages.jsonl").exists()


def test_a_disk_that_is_full_is_one_line(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="is a file, not a folder"):
        build_passages(source, tmp_path / "file" / "out")


def test_two_builds_of_one_folder_are_refused(source: Path, tmp_path: Path) -> None:
    def another() -> None:
        with pytest.raises(DataError, match="out: another process is making these passages"):
            build_passages(source, tmp_path / "out", words=8)

    build_passages(source, tmp_path / "out", words=8, stopped=another)  # type: ignore[arg-type]
