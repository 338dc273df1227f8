"""A stretch of a page leads to the passages that hold some of it and to no others, in memory and through an index."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from knowledge_sources import page, varied_pages, write_source

from glimmer.data import index
from glimmer.data.index import index_folder
from glimmer.data.knowledge.build import build_passages
from glimmer.data.mapped import MappedPassages, MappedPlaces
from glimmer.data.passages import Collection, index_passages, read_passages, write_passages
from glimmer.data.spans import LAST, Span, read_span
from glimmer.data.values import Passage, Provenance
from glimmer.errors import DataError

TEXT = ["One two. Six ten.\n", "Section::::S.\n", "Go on.\n", "\n", "Aa bb cc dd ee.\n"]


@pytest.fixture(params=["mapped", "held"])
def collection(tmp_path: Path, request: pytest.FixtureRequest) -> Collection:
    source = write_source(tmp_path / "s.json", [page(5, *TEXT), page(6), page(7, "Last one.\n")])
    build_passages(source, tmp_path / "out", words=2)
    path = tmp_path / "out" / "passages.jsonl"
    if request.param == "held":
        index_folder(path).rename(tmp_path / "index")
    found = read_passages(path)
    assert isinstance(found.passages, MappedPassages) == (request.param == "mapped")
    return found


def place(first: int, last: int, start: int | None = None, end: int | None = None) -> dict[str, Any]:
    found = {"start_paragraph_id": first, "end_paragraph_id": last}
    return {**found, **({} if start is None else {"start_character": start, "end_character": end})}


def ids(collection: Collection, page: str, span: Span | None = None) -> list[str]:
    return [passage.id for passage in collection.named_by(Provenance(None, wikipedia_id=page, span=span))]


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        (place(1, 1), [0, 1]),
        (place(1, 1, 0, 8), [0]),
        (place(1, 1, 0, 10), [0, 1]),
        (place(1, 1, 9, 12), [1]),
        (place(1, 1, 8, 9), []),
        (place(1, 3), [0, 1, 2]),
        (place(1, 3, 9, 2), [1, 2]),
        (place(5, 5, 3, 3), [3]),
        (place(5, 5, 4, 8), [3, 4]),
        (place(0, 0), []),
        (place(2, 2), []),
        (place(4, 4), []),
        (place(9, 9), []),
        (place(0, 99), [0, 1, 2, 3, 4, 5]),
        ({"start_paragraph_id": 3}, [2]),
    ],
)
def test_passages_of_a_place(collection: Collection, where: dict[str, Any], numbers: list[int]) -> None:
    assert ids(collection, "5", read_span(where)) == [f"5-{n}" for n in numbers]


def test_pages_are_found_by_their_id(collection: Collection) -> None:
    assert ids(collection, "7") == ["7-0"]
    assert ids(collection, "6") == []
    assert ids(collection, "8", Span(1, 0, 1, 9)) == []
    assert collection.named_by(Provenance(None)) == ()
    assert [p.id for p in collection.named_by(Provenance("5-1", wikipedia_id="7"))] == ["5-1"]
    with pytest.raises(DataError, match="no passage '6-0' in the collection"):
        collection.named_by(Provenance("6-0"))


@pytest.mark.parametrize("words", [1, 7, 100])
def test_every_passage_is_found_by_its_own_place_and_alone(tmp_path: Path, words: int) -> None:
    source = write_source(tmp_path / "s.json", varied_pages(40))
    build_passages(source, tmp_path / "out", words=words, shard_bytes=2000)
    found = read_passages(tmp_path / "out" / "passages.jsonl")
    for passage in found.passages:
        assert passage.wikipedia_id is not None
        assert ids(found, passage.wikipedia_id, passage.span) == [passage.id]


def mixed(rng: random.Random) -> Iterator[Passage]:
    """Passages of few pages in any order, some without a page and some without a stretch."""
    for number in range(200):
        begin, end = sorted((rng.randrange(4), rng.randrange(9)) for _ in range(2))
        span = None if rng.random() < 0.2 else Span(*begin, *end)
        known = rng.random() < 0.8
        yield Passage(f"p{number}", "T", "text", f"{rng.randrange(9)}" if known else None, span if known else None)


@pytest.mark.parametrize("bucket", [7, 1 << 20])
def test_an_index_finds_what_a_look_at_every_passage_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: int
) -> None:
    monkeypatch.setattr(index, "BUCKET", bucket)
    rng = random.Random(0)
    passages = list(mixed(rng))
    write_passages(tmp_path / "p.jsonl", passages)
    held = read_passages(tmp_path / "p.jsonl")
    index_passages(tmp_path / "p.jsonl")
    mapped = read_passages(tmp_path / "p.jsonl")
    assert list(mapped.passages) == passages
    for _ in range(300):
        begin, end = sorted((rng.randrange(4), rng.randrange(9)) for _ in range(2))
        span = rng.choice([None, Span(*begin, *end), Span(*begin, end[0], LAST)])
        wanted = Provenance(None, wikipedia_id=f"{rng.randrange(10)}", span=span)
        named = tuple(passage for passage in passages if wanted.names(passage))
        assert mapped.named_by(wanted) == held.named_by(wanted) == named


@pytest.mark.parametrize("collection", ["mapped"], indirect=True)
def test_only_the_passages_that_are_named_are_read(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    item = MappedPassages.item
    monkeypatch.setattr(MappedPassages, "item", lambda self, row: read.append(row) or item(self, row))
    assert ids(collection, "5", Span(1, 9, 3, 2)) == ["5-1", "5-2"]
    assert read == [1, 2]


def test_pages_of_one_key_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "key_of", len)
    passages = [Passage("a" * n, "T", "text", page, Span(1, 0, 1, 9)) for n, page in enumerate("1221", start=1)]
    write_passages(tmp_path / "p.jsonl", passages)
    index_passages(tmp_path / "p.jsonl")
    found = read_passages(tmp_path / "p.jsonl")
    assert isinstance(found.places, MappedPlaces)
    assert list(found.places.rows("1", None)) == [0, 1, 2, 3]
    assert ids(found, "1") == ids(found, "1", Span(1, 2, 1, 3)) == ["a", "aaaa"]
    assert ids(found, "2") == ["aa", "aaa"]


def test_passages_without_pages_have_no_places(tmp_path: Path) -> None:
    write_passages(tmp_path / "p.jsonl", [Passage("7-0", "T", "t")])
    index_passages(tmp_path / "p.jsonl")
    assert sorted(p.name for p in index_folder(tmp_path / "p.jsonl").iterdir()) == [
        "index.json", "keys.npy", "offsets.npy", "rows.npy",
    ]  # fmt: skip
    assert ids(read_passages(tmp_path / "p.jsonl"), "7") == []


@pytest.mark.parametrize("name", ["page_keys.npy", "page_rows.npy", "spans.npy"])
def test_damaged_places_are_named(tmp_path: Path, name: str) -> None:
    source = write_source(tmp_path / "s.json", [page(5, *TEXT)])
    build_passages(source, tmp_path, words=2)
    file = index_folder(tmp_path / "passages.jsonl") / name
    np.save(file, np.load(file)[1:])
    with pytest.raises(DataError, match=f"{name}: the index is damaged: expected .* of shape"):
        read_passages(tmp_path / "passages.jsonl")
    file.unlink()
    with pytest.raises(DataError, match=f"{name}: the index is damaged"):
        read_passages(tmp_path / "passages.jsonl")
