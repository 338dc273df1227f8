"""Stretches of a page, as KILT (arXiv 2009.02252) names them in provenances; passages cut from its pages have one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glimmer.errors import DataError

LAST = (1 << 31) - 1
"""The end of a paragraph whose length is not known."""


@dataclass(frozen=True, slots=True)
class Span:
    """From a character of a paragraph to a character of the same or a later one, the last one excluded."""

    start_paragraph: int
    start_character: int
    end_paragraph: int
    end_character: int

    def overlaps(self, other: "Span") -> bool:
        """Whether a character is in both; an empty span stands for the character where it is."""
        return self._begin < other._end and other._begin < self._end

    @property
    def _begin(self) -> tuple[int, int]:
        return self.start_paragraph, self.start_character

    @property
    def _end(self) -> tuple[int, int]:
        return max((self.end_paragraph, self.end_character), (self.start_paragraph, self.start_character + 1))


def read_span(item: Mapping[str, Any]) -> Span | None:
    """The span that an object names; whole paragraphs where it names no characters, None where no paragraph.

    A negative number says, as in some of KILT's sets, that it is not known.

    Raises:
        DataError: a number is none, or the span ends before it begins.
    """
    start = _number(item, "start_paragraph_id")
    if start is None:
        return None
    end = _number(item, "end_paragraph_id")
    first, last = _number(item, "start_character"), _number(item, "end_character")
    end = start if end is None else end
    span = Span(start, first or 0, end, LAST if last is None else last)
    if (span.end_paragraph, span.end_character) < (span.start_paragraph, span.start_character):
        raise DataError(
            f"a span must not end before it begins, found paragraph {start}, character {first} to paragraph {end}, "
            f"character {last}"
        )
    return span


def span_object(span: Span) -> dict[str, int]:
    """A span as the values of KILT's keys."""
    item = {
        "start_paragraph_id": span.start_paragraph,
        "start_character": span.start_character,
        "end_paragraph_id": span.end_paragraph,
        "end_character": span.end_character,
    }
    return item if span.end_character < LAST else {k: v for k, v in item.items() if k != "end_character"}


def _number(item: Mapping[str, Any], key: str) -> int | None:
    value = item.get(key)
    if isinstance(value, str) and value.strip().removeprefix("-").isdecimal():
        value = int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value <= LAST):
        return None if value is None or value < 0 else value
    raise DataError(f"{key!r} must be a whole number below 2^31, found {value!r:.60}")
