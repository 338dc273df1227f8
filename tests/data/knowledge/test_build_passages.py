"""The same source gives the same bytes, however it is made; a broken one is named, and nothing is mixed."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest
from knowledge_sources import page, varied_pages, write_source

from glimmer.data.knowledge import build, parts
from glimmer.data.knowledge.build import build_passages
from glimmer.data.knowledge.source import lines, shards
from glimmer.data.passage_lines import passage_object
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
         ("index.json", "offsets.npy", "keys.npy", "rows.npy", "page_keys.npy", "page_rows.npy", "spans.npy"))]
    )  # fmt: skip
    assert made(source, tmp_path / "shards", shard_bytes=SMALL) == whole
    assert made(source, tmp_path / "processes", shard_bytes=SMALL, processes=2) == whole
    packed = source.with_suffix(".json.gz")
    packed.write_bytes(gzip.compress(source.read_bytes()))
    assert made(packed, tmp_path / "packed", shard_bytes=SMALL) == whole
    assert made(packed, tmp_path / "both", shard_bytes=SMALL, processes=2) == whole


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
    with pytest.raises(InterruptionError, match="stopped by SIGTERM after 2 of its shards; the same command goes on"):
        build_passages(source, tmp_path / "out", words=8, shard_bytes=SMALL, stopped=after(2))
    assert not (tmp_path / "out" / "passages.jsonl").exists()
    cut = cut_shards(monkeypatch)
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


def killed(source: Path, output: Path, before: str = "") -> None:
    """Run a build of two processes, which is killed: by itself, or when its first part is there."""
    script = output.with_suffix(".py")
    script.write_text(
        "import os, signal\nfrom pathlib import Path\nfrom glimmer.data.knowledge import build\n"
        f"{before}\n"
        f"if __name__ == '__main__': build.build_passages(Path({str(source)!r}), Path({str(output)!r}), words=8, "
        f"processes=2, shard_bytes={SMALL})\n"
    )
    process = subprocess.Popen([sys.executable, script])
    while process.poll() is None and not (list(output.glob("parts/*.jsonl")) and not before):
        time.sleep(0.01)
    if not before:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (output / "passages.jsonl").exists()


def test_a_build_killed_while_cutting_goes_on(source: Path, tmp_path: Path) -> None:
    killed(source, tmp_path / "out")
    assert made(source, tmp_path / "out", shard_bytes=SMALL) == made(source, tmp_path / "whole")


def test_a_build_killed_while_joining_goes_on_and_nothing_of_it_is_left(source: Path, tmp_path: Path) -> None:
    killed(source, tmp_path / "out", "build.reader_of = lambda file: os.kill(os.getpid(), signal.SIGKILL)")
    assert any(p.name.startswith(".passages.jsonl.") for p in (tmp_path / "out").iterdir())
    assert made(source, tmp_path / "out", shard_bytes=SMALL) == made(source, tmp_path / "whole")


def test_a_build_whose_worker_is_killed_says_so_and_goes_on(source: Path, tmp_path: Path) -> None:
    def kill() -> None:
        for child in active_children():
            child.kill()

    with pytest.raises(InterruptionError, match=r"out: a process was killed .*; the same command goes on"):
        build_passages(
            source, tmp_path / "out", words=8, shard_bytes=SMALL, processes=2, stopped=kill,  # type: ignore[arg-type]
        )  # fmt: skip
    assert made(source, tmp_path / "out", shard_bytes=SMALL) == made(source, tmp_path / "whole")


def test_a_stop_is_heeded_while_joining(source: Path, tmp_path: Path) -> None:
    count = len(list(shards(source, SMALL)))
    for joined in (0, count, 2 * count - 1):
        with pytest.raises(InterruptionError, match="stopped by SIGTERM while its shards were joined; the same"):
            build_passages(source, tmp_path / "out", words=8, shard_bytes=SMALL, stopped=after(count + joined))
        assert [p.name for p in (tmp_path / "out").iterdir()] == ["parts"]
    assert made(source, tmp_path / "out", shard_bytes=SMALL) == made(source, tmp_path / "whole")


def test_processes_that_cut_need_no_torch() -> None:
    script = "import sys; from glimmer.data.knowledge import build, workers; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_lines_are_those_of_any_passage_file_and_name_their_section(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "out" / "passages.jsonl"
    build_passages(source, path.parent, words=8)
    items = [json.loads(line) for line in path.read_text().splitlines()]
    assert {item.pop("section") for item in items} == {"", "Past: Early years"}
    assert [passage_object(passage) for passage in read_passages(path).passages] == items


def test_a_finished_folder_is_left_alone(source: Path, tmp_path: Path) -> None:
    manifest = build_passages(source, tmp_path / "out", words=8)
    stamp = (tmp_path / "out" / "passages.jsonl").stat().st_mtime_ns
    assert build_passages(source, tmp_path / "out", words=8) == manifest
    assert (tmp_path / "out" / "passages.jsonl").stat().st_mtime_ns == stamp
    assert manifest["pages"] == 60
    assert manifest["passages"] == len(read_passages(tmp_path / "out" / "passages.jsonl").passages)


@pytest.mark.parametrize("unfinished", [True, False])
def test_another_option_is_refused(source: Path, tmp_path: Path, unfinished: bool) -> None:
    output = tmp_path / "out"
    if unfinished:
        with pytest.raises(InterruptionError):
            build_passages(source, output, words=8, stopped=lambda: "SIGINT")
    else:
        build_passages(source, output, words=8)
    before = content(output)
    removable = "parts/" if unfinished else "passages.jsonl, passages.jsonl.index and manifest.json"
    with pytest.raises(DataError, match=f"words is 8, expected 9; choose another folder, or remove {removable} from"):
        build_passages(source, output, words=9)
    assert content(output) == before


def test_finished_passages_of_another_source_are_never_replaced(source: Path, tmp_path: Path) -> None:
    build_passages(source, tmp_path / "out", words=8)
    before = content(tmp_path / "out")
    write_source(source, varied_pages(61))
    with pytest.raises(DataError, match="out: holds passages made otherwise: source is"):
        build_passages(source, tmp_path / "out", words=8)
    assert content(tmp_path / "out") == before


def cut_shards(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the shards that are cut from now on."""
    cut: list[int] = []

    def count(path: Path, shard: Any, *rest: Any) -> None:
        cut.append(shard.number)
        cut_shard(path, shard, *rest)

    cut_shard: Callable[..., None] = parts.cut_shard
    for module in (build, parts):
        monkeypatch.setattr(module, "cut_shard", count)
    return cut


@pytest.mark.parametrize("packed", [False, True])
def test_a_source_that_was_cut_in_mid_line_is_mended_and_gone_on_with(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    pack = gzip.compress if packed else bytes
    whole = made(source, tmp_path / "whole", shard_bytes=SMALL)
    text = source.read_bytes()
    path = tmp_path / ("s.json.gz" if packed else "s.json")
    path.write_bytes(pack(text[: len(text) // 2]))
    with pytest.raises(DataError, match=rf"{path.name}:\d+: not JSON: .*the file seems truncated"):
        made(path, tmp_path / "out", shard_bytes=SMALL)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["parts"]
    kept = len(list((tmp_path / "out" / "parts").glob("*.jsonl")))
    path.write_bytes(pack(text))
    cut = cut_shards(monkeypatch)
    assert made(path, tmp_path / "out", shard_bytes=SMALL) == whole
    assert kept > 1
    assert cut[0] == kept


@pytest.mark.parametrize("back", [False, True])
def test_an_unfinished_build_of_a_changed_source_is_one_of_the_changed_source(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: bool
) -> None:
    first = source.read_bytes()
    second = first.replace(b"of page 3 says", b"of page 3 asks")
    assert len(second) == len(first)
    assert second != first
    stamp = source.stat()
    with pytest.raises(InterruptionError):
        build_passages(source, tmp_path / "out", words=8, shard_bytes=SMALL, stopped=after(3))
    source.write_bytes(second)
    if back:
        with pytest.raises(InterruptionError):
            build_passages(source, tmp_path / "out", words=8, shard_bytes=SMALL, stopped=after(2))
        source.write_bytes(first)
        os.utime(source, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    cut = cut_shards(monkeypatch)
    left = made(source, tmp_path / "out", shard_bytes=SMALL)
    assert set(range(3)) & set(cut) == {0}
    assert left == made(source, tmp_path / "whole", shard_bytes=SMALL)
    assert (b"of page 3 asks" in left["passages.jsonl"]) == (not back)


def after(shards: int) -> Callable[[], str | None]:
    """Stop when so many shards are done."""
    asked = iter([*[None] * shards, "SIGTERM"])
    return lambda: next(asked)


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
        build_passages(source, tmp_path / "out", words=8, stopped=change)  # type: ignore[arg-type]
    assert not (tmp_path / "out" / "passages.jsonl").exists()
    write_source(source, varied_pages(59))
    assert made(source, tmp_path / "out") == made(source, tmp_path / "whole")


GOOD = json.dumps(page(1, "Text.\n")).encode() + b"\n"


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (GOOD[:50], "not JSON"),
        (GOOD[:50], "the file seems truncated"),
        (b"hello\n", "not JSON"),
        (b"\n", "not JSON"),
        (b"1" * 5000 + b"\n", "not JSON"),
        (b"[" * 100_000 + b"\n", "not JSON"),
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
    with pytest.raises(DataError, match=r"s\.json: the page '1' is there twice; a page must have one line"):
        build_passages(source, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["parts"]


def test_a_disk_that_is_full_is_one_line(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="is a file, not a folder"):
        build_passages(source, tmp_path / "file" / "out")


def test_two_builds_of_one_folder_are_refused(source: Path, tmp_path: Path) -> None:
    def another() -> None:
        with pytest.raises(DataError, match="out: another process is making these passages"):
            build_passages(source, tmp_path / "out", words=8)

    build_passages(source, tmp_path / "out", words=8, stopped=another)  # type: ignore[arg-type]
