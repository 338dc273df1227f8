"""Where passages stand: from a page, and a stretch of it, to the rows of those that may hold some of it."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

from glimmer.data.spans import Span
from glimmer.data.values import Passage


class Places(Protocol):
    """Finds candidates for ``Provenance.names``, which alone decides."""

    def rows(self, page: str, span: Span | None) -> Sequence[int]:
        """Rows of passages in file order: all that overlap ``span``, or the whole page, and perhaps others."""


class HeldPlaces:
    """The places of passages that are in memory."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages

    def rows(self, page: str, span: Span | None) -> Sequence[int]:
        """The rows of the page."""
        return self._pages.get(page, ())

    @cached_property
    def _pages(self) -> dict[str, list[int]]:
        rows: dict[str, list[int]] = defaultdict(list)
        for row, passage in enumerate(self._passages):
            if passage.wikipedia_id is not None:
                rows[passage.wikipedia_id].append(row)
        return dict(rows)
