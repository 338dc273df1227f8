"""Stretches of pages: what overlaps, against a naive count of characters, and how they are read."""

import random

import pytest

from glimmer.data.spans import LAST, Span, read_span, span_object
from glimmer.errors import DataError

LONG = 4
"""Characters of every paragraph."""


def characters(span: Span) -> set[tuple[int, int]]:
    every = [(paragraph, at) for paragraph in range(4) for at in range(LONG + 1)]
    begin, end = (span.start_paragraph, span.start_character), (span.end_paragraph, span.end_character)
    return {place for place in every if begin <= place < end} | {begin}


def test_spans_overlap_where_they_share_a_character() -> None:
    rng = random.Random(0)
    seen = set()
    for _ in range(3000):
        ends = [sorted((rng.randrange(4), rng.randrange(LONG)) for _ in range(2)) for _ in range(2)]
        one, other = (Span(*start, *end) for start, end in ends)
        expected = not characters(one).isdisjoint(characters(other))
        assert one.overlaps(other) == other.overlaps(one) == expected, (one, other)
        seen.add(expected)
    assert seen == {True, False}


def test_what_is_not_known_is_whole() -> None:
    assert read_span({"wikipedia_id": "7"}) is None
    assert read_span({"start_paragraph_id": -1, "start_character": 3}) is None
    assert read_span({"start_paragraph_id": 2}) == Span(2, 0, 2, LAST)
    assert read_span({"start_paragraph_id": "2", "end_paragraph_id": "3"}) == Span(2, 0, 3, LAST)
    assert read_span({"start_paragraph_id": 2, "start_character": 5, "end_character": 9}) == Span(2, 5, 2, 9)


@pytest.mark.parametrize("span", [Span(1, 0, 1, LAST), Span(1, 2, 3, 4)])
def test_a_span_reads_back_equal(span: Span) -> None:
    assert read_span(span_object(span)) == span


@pytest.mark.parametrize("value", ["two", 1.5, True, [1], 1 << 31])
def test_what_is_no_number_is_named(value: object) -> None:
    with pytest.raises(DataError, match="'start_paragraph_id' must be a whole number"):
        read_span({"start_paragraph_id": value})
