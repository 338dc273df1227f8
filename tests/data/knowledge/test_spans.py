"""A place in a page leads to the passages that hold some of it, and to no others."""

from pathlib import Path
from typing import Any

import pytest
from knowledge_sources import page, varied_pages, write_source

from glimmer.data.knowledge.build import build_passages
from glimmer.data.knowledge.spans import PassageSpans, page_of
from glimmer.data.passages import write_passages
from glimmer.data.values import Passage
from glimmer.errors import DataError

TEXT = ["One two. Six ten.\n", "Section::::S.\n", "Go on.\n", "\n", "Aa bb cc dd ee.\n"]


@pytest.fixture
def spans(tmp_path: Path) -> PassageSpans:
    source = write_source(tmp_path / "s.json", [page(5, *TEXT), page(6), page(7, "Last one.\n")])
    build_passages(source, tmp_path / "out", words=2)
    return PassageSpans(tmp_path / "out" / "passages.jsonl")


def place(first: int, last: int, start: int | None = None, end: int | None = None) -> dict[str, Any]:
    found = {"start_paragraph_id": first, "end_paragraph_id": last}
    return {**found, **({} if start is None else {"start_character": start, "end_character": end})}


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
def test_passages_of_a_place(spans: PassageSpans, where: dict[str, Any], numbers: list[int]) -> None:
    assert spans.passages({"wikipedia_id": "5", **where}) == tuple(f"5-{n}" for n in numbers)


def test_pages_are_found_by_their_id(spans: PassageSpans) -> None:
    assert "5" in spans
    assert "6" not in spans
    assert "8" not in spans
    assert spans.passages({"wikipedia_id": "7"}) == ("7-0",)
    assert spans.passages({"wikipedia_id": 7}) == ("7-0",)
    assert spans.passages({"wikipedia_id": "6"}) == ()
    assert spans.passages({"wikipedia_id": "8"}) == ()
    assert page_of("5-12") == "5"


@pytest.mark.parametrize("words", [1, 7, 100])
def test_every_passage_is_found_by_its_own_place_and_alone(tmp_path: Path, words: int) -> None:
    source = write_source(tmp_path / "s.json", varied_pages(40))
    build_passages(source, tmp_path / "out", words=words, shard_bytes=2000)
    spans = PassageSpans(tmp_path / "out" / "passages.jsonl")
    for row in range(len(spans.collection)):
        item = spans.collection.item(row)
        assert spans.passages(item) == (item["id"],)


def test_what_is_no_place_is_refused(spans: PassageSpans, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names no page"):
        spans.passages({"title": "T"})
    with pytest.raises(DataError, match="'start_paragraph_id' of a provenance must be a whole number, found '1'"):
        spans.passages({"wikipedia_id": "5", "start_paragraph_id": "1"})
    write_passages(tmp_path / "p.jsonl", [Passage("5-0", "T", "t")])
    with pytest.raises(DataError, match="no such file"):
        PassageSpans(tmp_path / "p.jsonl")
