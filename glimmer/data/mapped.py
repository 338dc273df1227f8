"""A passage file read through its index: nothing is held in memory but what was just asked for."""

import json
import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from glimmer.data.files import hash_all, reading
from glimmer.data.index import (
    KEYS,
    OFFSETS,
    PAGE_KEYS,
    PAGE_ROWS,
    ROWS,
    SPANS,
    check_index,
    find_rows,
    index_folder,
    load_array,
)
from glimmer.data.passage_lines import parse_passage, parse_split
from glimmer.data.places import HeldPlaces, Places
from glimmer.data.spans import Span
from glimmer.data.values import Passage
from glimmer.errors import DataError


class MappedPassages(Sequence[Passage]):
    """The passages of a file that has an index, in file order.

    Processes share what the system keeps of the file; a copy sent to another process opens it anew.
    """

    def __init__(self, path: Path) -> None:
        """Open a passage file and its index.

        Raises:
            DataError: one of them is missing or damaged, or the index is of another file.
        """
        self.path = path
        with reading(path):
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._file)
        described = check_index(path, self.bytes, os.fstat(self._file).st_size)
        count, folder = described["passages"], index_folder(path)
        self.placed: int = described["placed"]
        """How many name a page."""
        self.splits: int = described["splits"]
        """How many name a split."""
        self.sha256: str = described["sha256"]
        """Of the whole file, when its index was made."""
        self._offsets = load_array(folder, OFFSETS, (count + 1,))
        self._keys, self._rows = (load_array(folder, name, (count,)) for name in (KEYS, ROWS))

    def __reduce__(self) -> tuple[Any, ...]:
        return MappedPassages, (self.path,)

    def bytes(self, start: int, stop: int) -> bytes:
        """A stretch of the file, or what is left of it: a map of a file that is cut would end the process."""
        return os.pread(self._file, stop - start, start)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, row: int) -> Passage: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[Passage]: ...

    def __getitem__(self, row: int | slice) -> Passage | Sequence[Passage]:
        if isinstance(row, slice):
            return tuple(self[i] for i in range(*row.indices(len(self))))
        return parse_passage(self.where(row), self.item(row))

    def __iter__(self) -> Iterator[Passage]:
        return (self[row] for row in range(len(self)))

    def item(self, row: int) -> dict[str, Any]:
        """The JSON object of a passage, with all that its line holds.

        Raises:
            DataError: the line is no passage.
        """
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of {len(self)} passages")
        row %= len(self)
        try:
            item: dict[str, Any] = json.loads(self.bytes(int(self._offsets[row]), int(self._offsets[row + 1])))
        except ValueError as error:
            raise DataError(f"{self.where(row)}: not JSON: {error}; the file was changed since its index") from None
        return item

    def where(self, row: int) -> str:
        """The line of a row, for messages."""
        return f"{self.path}:{row % len(self) + 1}"

    def row(self, passage_id: str) -> int | None:
        """The row of the passage called ``passage_id``, or None."""
        for row in find_rows(self._keys, self._rows, passage_id):
            if self.item(int(row))["id"] == passage_id:
                return int(row)
        return None

    def places(self) -> Places:
        """Where the passages stand in their pages."""
        return MappedPlaces(self) if self.placed else HeldPlaces(())


class MappedPlaces:
    """Rows of passages by page and stretch, from the index alone."""

    def __init__(self, passages: MappedPassages) -> None:
        folder = index_folder(passages.path)
        self._keys, self._rows = (load_array(folder, name, (passages.placed,)) for name in (PAGE_KEYS, PAGE_ROWS))
        self._spans = load_array(folder, SPANS, (len(passages), 4))

    def rows(self, page: str, span: Span | None) -> Sequence[int]:
        """The rows of the page that overlap ``span``, or of which no stretch is known."""
        rows = find_rows(self._keys, self._rows, page)
        if span is None:
            return [int(row) for row in rows]
        spans = zip(rows.tolist(), self._spans[rows].tolist(), strict=True)
        return [row for row, numbers in spans if numbers[0] < 0 or span.overlaps(Span(*numbers))]


class MappedRows(Mapping[str, int]):
    """Passage id → row."""

    def __init__(self, passages: MappedPassages) -> None:
        self._passages = passages

    def __getitem__(self, passage_id: str) -> int:
        row = self._passages.row(passage_id) if isinstance(passage_id, str) else None
        if row is None:
            raise KeyError(passage_id)
        return row

    def __iter__(self) -> Iterator[str]:
        return (passage.id for passage in self._passages)

    def __len__(self) -> int:
        return len(self._passages)


def rows_by_id(passages: Sequence[Passage]) -> Mapping[str, int]:
    """Passage id → row; from the index where there is one."""
    if isinstance(passages, MappedPassages):
        return MappedRows(passages)
    return {passage.id: row for row, passage in enumerate(passages)}


def passages_hash(passages: Sequence[Passage]) -> str:
    """A hash of the passages and their order; known from the index where there is one, without reading them."""
    if isinstance(passages, MappedPassages):
        return passages.sha256
    return hash_all(f"{p.id}\n{p.title}\n{p.text}" for p in passages)


class MappedSplits(Mapping[str, str]):
    """Passage id → split, of those that name one."""

    def __init__(self, passages: MappedPassages) -> None:
        self._passages = passages

    def __getitem__(self, passage_id: str) -> str:
        row = self._passages.row(passage_id) if self._passages.splits and isinstance(passage_id, str) else None
        split = None if row is None else parse_split(self._passages.where(row), self._passages.item(row))
        if split is None:
            raise KeyError(passage_id)
        return split

    def __iter__(self) -> Iterator[str]:
        items = (self._passages.item(row) for row in range(len(self._passages) if self._passages.splits else 0))
        return (item["id"] for item in items if "split" in item)

    def __len__(self) -> int:
        return self._passages.splits
