"""From a place in a page, as KILT's provenance names it, to the passages that hold it.

Beside the index of the passage file lie ``spans.npy`` (int32 ``[P, 4]``: first paragraph and character, last paragraph
and character, exclusive) and ``pages.npy`` (int64: the row where each page with passages begins, then P). Both are
memory-mapped.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimmer.data.index import index_folder, load_array
from glimmer.data.knowledge.parts import PAGES, SPANS
from glimmer.data.mapped import MappedPassages
from glimmer.errors import DataError

_LAST = (1 << 31) - 1


class PassageSpans:
    """Finds passages that were cut from a knowledge source, by where they stand in it."""

    def __init__(self, path: Path) -> None:
        """Open ``passages.jsonl`` as `glimmer passages cut` made it.

        Raises:
            DataError: it or its index is missing or damaged, or was not cut from a knowledge source.
        """
        folder = index_folder(path)
        if not (folder / SPANS).exists():
            raise DataError(
                f"{folder / SPANS}: no such file: {path.name} was not cut from a knowledge source; "
                "make passages that know their places with `glimmer passages cut`"
            )
        self.collection = MappedPassages(path)
        self._spans = load_array(folder, SPANS, (len(self.collection), 4))
        self._pages = load_array(folder, PAGES, (None,))

    def __contains__(self, wikipedia_id: object) -> bool:
        """Whether the page has passages."""
        return isinstance(wikipedia_id, str) and self.collection.row(f"{wikipedia_id}-0") is not None

    def passages(self, provenance: Mapping[str, Any]) -> tuple[str, ...]:
        """The ids of the passages that overlap a KILT provenance, in the page's order.

        ``wikipedia_id`` names the page; ``start_paragraph_id`` and ``end_paragraph_id`` its paragraphs, the latter
        included; ``start_character`` and ``end_character`` (exclusive) the characters of the first and the last one.
        Without paragraphs all passages of the page are meant, and without characters whole paragraphs. There is none
        where the page is not known, or the place is a title or the line that begins a section.

        Raises:
            DataError: a value is no whole number, or there is no ``wikipedia_id``.
        """
        page = provenance.get("wikipedia_id")
        if page is None:
            raise DataError(f"a provenance names no page; expected 'wikipedia_id': text, found {provenance!r:.80}")
        first = self.collection.row(f"{page}-0")
        if first is None:
            return ()
        stop = int(self._pages[np.searchsorted(self._pages, first, "right")])
        begin = _number(provenance, "start_paragraph_id")
        if begin is None:
            return tuple(f"{page}-{i}" for i in range(stop - first))
        end = _number(provenance, "end_paragraph_id")
        begin_character, end_character = (_number(provenance, f"{name}_character") for name in ("start", "end"))
        wanted = _place(begin, begin_character or 0)
        until = _place(begin if end is None else end, _LAST if end_character is None else end_character)
        spans: NDArray[np.int64] = self._spans[first:stop].astype(np.int64)
        starts, ends = _place(spans[:, 0], spans[:, 1]), _place(spans[:, 2], spans[:, 3])
        overlap = (starts < max(until, wanted + 1)) & (ends > wanted)
        return tuple(f"{page}-{i}" for i in np.flatnonzero(overlap))


def page_of(passage_id: str) -> str:
    """The ``wikipedia_id`` of the page that a passage was cut from."""
    return passage_id.rpartition("-")[0]


def _place(paragraph: Any, character: Any) -> Any:
    """A place as one number, in the page's order."""
    return (paragraph << 32) + character


def _number(provenance: Mapping[str, Any], key: str) -> int | None:
    value = provenance.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise DataError(f"{key!r} of a provenance must be a whole number, found {value!r:.60}")
    return value
