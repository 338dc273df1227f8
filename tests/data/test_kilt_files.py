"""Every broken input ends in one line that names the file and the line; what is written reads back equal."""

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from glimmer.data import kilt
from glimmer.data.kilt import read_records, write_records
from glimmer.data.passages import read_passages, write_passages
from glimmer.data.spans import LAST, Span
from glimmer.data.values import Output, Passage, Provenance, Record
from glimmer.errors import DataError

GOOD: dict[str, Any] = {"id": "a", "input": "Who?", "output": [{"answer": "I", "provenance": [{"passage_id": "p"}]}]}
RECORD = Record("a", "Wer ißt?", (Output("é", (Provenance("p", "T", "7", ("é",)),)), Output(None)), {"country": "Chad"})


def line(**changes: Any) -> str:
    return json.dumps({**GOOD, **changes}) + "\n"


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz"])
def test_records_read_back_equal(tmp_path: Path, name: str) -> None:
    write_records(tmp_path / name, [RECORD])
    assert list(read_records(tmp_path / name, {"p"})) == [RECORD]
    assert [p.name for p in tmp_path.iterdir()] == [name]  # nothing temporary stays behind


def test_records_of_pages_read_back_equal(tmp_path: Path) -> None:
    path = tmp_path / "nq-dev-kilt.jsonl"
    whole = Provenance(None, "T", "7")
    part = Provenance(None, "T", "7", span=Span(5, 190, 6, 197))
    paragraph = Provenance(None, "T", "7", span=Span(5, 0, 5, LAST))
    record = Record("a", "Who?", (Output("I", (whole, part)), Output("we", (paragraph,))))
    write_records(path, [record])
    assert list(read_records(path, {"p"})) == [record]
    assert record.by_page
    assert record.gold_ids == frozenset()
    assert not RECORD.by_page


def test_kilts_own_lines_are_read(tmp_path: Path) -> None:
    place = {
        "start_paragraph_id": "5",
        "start_character": -1,
        "end_paragraph_id": 5,
        "end_character": -1,
        "bleu_score": 1.0,
    }
    provenance = {"wikipedia_id": 10287141, "title": "T", "section": "Section::::Life.", "meta": {}, **place}
    (tmp_path / "r.jsonl").write_text(line(id=3, output=[{"provenance": [provenance]}, {"answer": "I"}], meta={}))
    (record,) = read_records(tmp_path / "r.jsonl")
    assert record.id == "3"
    assert record.outputs[0].provenance == (Provenance(None, "T", "10287141", span=Span(5, 0, 5, LAST)),)


def test_gzip_bytes_are_reproducible(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        write_records(tmp_path / name, [RECORD])
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


@pytest.mark.parametrize(
    ("content", "number", "words"),
    [
        (b"", None, "is empty"),
        (line().encode() + b'{"id": "b", "inp', 2, "truncated"),
        (line().encode() + b"hello\n", 2, "not JSON"),
        (b"\n", 1, "not JSON"),
        (b"[1]\n", 1, "found a list"),
        (line().encode() + "é\n".encode("latin-1"), 2, "not UTF-8"),
        (b'{"id": "a"}\n', 1, "no 'input'"),
        (b'{"input": "a"}\n', 1, "no 'id'"),
        (b'{"id": "a", "inputs": "b"}\n', 1, "did you mean 'inputs'"),
        (line(input=" ").encode(), 1, "'input' must be non-empty text"),
        (line(input=3).encode(), 1, "'input' must be non-empty text"),
        (line(output="I").encode(), 1, "'output' must be a list"),
        (line(output=["I"]).encode(), 1, "output 0 must be an object"),
        (line(output=[{"answer": 7}]).encode(), 1, "answer of output 0 must be text, found 7"),
        (line(output=[{"answer": ["I"]}]).encode(), 1, "answer of output 0 must be text"),
        (line(output=[{"provenance": {}}, {"provenance": 1}]).encode(), 1, "provenance of output 1 must be a list"),
        (line(output=[{"provenance": [{"title": "T"}]}]).encode(), 1, "provenance 0 of output 0 names no passage"),
        (line(output=[{"provenance": [{"passage_id": "q"}]}]).encode(), 1, "'q', which is not in the passage"),
        (
            line(output=[{"provenance": [{"passage_id": "p", "meta": {"evidence_span": [3]}}]}]).encode(),
            1,
            "evidence_span of provenance 0 of output 0 must be texts",
        ),
        (
            line(output=[{"provenance": [{"wikipedia_id": ["7"]}]}]).encode(),
            1,
            "the wikipedia_id of provenance 0 of output 0 must be non-empty text",
        ),
        (
            line(output=[{"provenance": [{"wikipedia_id": "7", "start_paragraph_id": 1.5}]}]).encode(),
            1,
            "provenance 0 of output 0: 'start_paragraph_id' must be a whole number below 2^31, found 1.5",
        ),
        (
            line(
                output=[{"provenance": [{"wikipedia_id": 7, "start_paragraph_id": 3, "end_paragraph_id": 2}]}]
            ).encode(),
            1,
            "provenance 0 of output 0: a span must not end before it begins, found paragraph 3",
        ),
        (line(meta=1).encode(), 1, "'meta' must be an object"),
        (line().encode() + line(id="b").encode() + line().encode(), 3, "duplicate id 'a', first used in line 1"),
    ],
)
def test_broken_records_name_the_line(tmp_path: Path, content: bytes, number: int | None, words: str) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_records(path, {"p"})
    message = str(caught.value)
    assert message.startswith(f"{path}:{number}: " if number else f"{path}: ")
    assert words in message
    assert "\n" not in message


def test_ids_that_share_a_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kilt, "_hash", len)
    path = tmp_path / "r.jsonl"
    path.write_text("".join(line(id=name) for name in ("a", "b", "c")))
    assert [record.id for record in read_records(path, {"p"})] == ["a", "b", "c"]
    path.write_text("".join(line(id=name) for name in ("a", "b", "c", "b", "a")))
    with pytest.raises(DataError, match=r"r\.jsonl:4: duplicate id 'b', first used in line 2"):
        read_records(path, {"p"})


def test_records_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("".join(line(id=str(i), input="why? " * 200) for i in range(2000)))
    tracemalloc.start()
    records = read_records(path, {"p"})
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < path.stat().st_size / 20
    assert [r.id for r in records[1990:][::3]] == ["1990", "1993", "1996", "1999"]
    assert (records[-1].id, records[-1].line, records[5].line) == ("1999", 2000, 6)
    with pytest.raises(IndexError):
        records[2000]


def test_missing_file_and_truncated_or_corrupt_gzip(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_records(tmp_path / "none.jsonl")
    packed = gzip.compress("".join(line(id=str(i)) for i in range(50)).encode())
    (tmp_path / "cut.jsonl.gz").write_bytes(packed[: len(packed) - 12])
    with pytest.raises(DataError, match="truncated"):
        read_records(tmp_path / "cut.jsonl.gz")
    (tmp_path / "corrupt.jsonl.gz").write_bytes(packed[:20] + bytes(20) + packed[40:])
    with pytest.raises(DataError, match=r"corrupt\.jsonl\.gz: the gzip file is corrupt: .*invalid"):
        read_records(tmp_path / "corrupt.jsonl.gz")
    (tmp_path / "fake.jsonl.gz").write_bytes(b"plain text")
    with pytest.raises(DataError, match="cannot be read"):
        read_records(tmp_path / "fake.jsonl.gz")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write_records(path, [RECORD])
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_records(path, [RECORD, Record("b", "x", (), {"bad": object()})])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_passages_read_back_with_their_splits(tmp_path: Path) -> None:
    passages = [Passage("p", "T", "text"), Passage("q", "", "more"), Passage("r", "", "x", "7", Span(1, 0, 2, 9))]
    write_passages(tmp_path / "p.jsonl", passages, {"q": "test"})
    collection = read_passages(tmp_path / "p.jsonl")
    assert collection.passages == tuple(passages)
    assert collection.splits == {"q": "test"}
    assert collection["q"] == passages[1]
    assert "x" not in collection
    with pytest.raises(DataError, match="no passage 'x'"):
        collection["x"]


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ('{"id": "q", "text": "t"}', "has no 'title'"),
        ('{"id": "p", "title": "T", "text": "t"}', "duplicate passage id 'p'"),
        ('{"id": "q", "title": "T", "text": ""}', "'text' of a passage must be non-empty text"),
        ('{"id": 4, "title": "T", "text": "t"}', "'id' of a passage must be non-empty text, found 4"),
    ],
)
def test_broken_passages_name_the_line(tmp_path: Path, second: str, words: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"id": "p", "title": "T", "text": "t"}\n' + second + "\n")
    with pytest.raises(DataError) as caught:
        read_passages(path)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert words in str(caught.value)
