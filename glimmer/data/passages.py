"""Passage collections on disk: JSON lines ``{id, title, text}``, with the split of the document where known.

Passages cut from KILT's knowledge source name their page too, ``wikipedia_id``, and the stretch of it that they hold.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from glimmer.data.files import read_json_lines, write_json_lines
from glimmer.data.kilt import id_text
from glimmer.data.spans import read_span, span_object
from glimmer.data.values import Passage, Provenance
from glimmer.errors import DataError, suggest

EXPECTED = 'a passage {"id": text, "title": text, "text": text}'


@dataclass(frozen=True)
class Collection:
    """The passages of a file in file order, found by id; ``splits`` holds the split of those that name one."""

    passages: tuple[Passage, ...]
    splits: Mapping[str, str]
    rows: Mapping[str, int]
    """Passage id → position in ``passages``."""

    def __contains__(self, passage_id: object) -> bool:
        return passage_id in self.rows

    def __getitem__(self, passage_id: str) -> Passage:
        """Return the passage called ``passage_id``.

        Raises:
            DataError: the collection has none.
        """
        if passage_id not in self.rows:
            known = f"{len(self.rows)} passages, {self.passages[0].id!r} to {self.passages[-1].id!r}"
            raise DataError(f"no passage {passage_id!r} in the collection ({known})")
        return self.passages[self.rows[passage_id]]

    def named_by(self, provenance: Provenance) -> tuple[Passage, ...]:
        """The passages that a provenance names, in file order; several where it names a page, or a long stretch of it.

        Raises:
            DataError: it names a passage by an id that the collection has not.
        """
        if provenance.passage_id is not None:
            return (self[provenance.passage_id],)
        rows = self._pages.get(provenance.wikipedia_id or "", ())
        return tuple(self.passages[row] for row in rows if provenance.names(self.passages[row]))

    @cached_property
    def _pages(self) -> dict[str, list[int]]:
        """Page → rows of its passages."""
        rows: dict[str, list[int]] = defaultdict(list)
        for row, passage in enumerate(self.passages):
            if passage.wikipedia_id is not None:
                rows[passage.wikipedia_id].append(row)
        return dict(rows)


def read_passages(path: Path) -> Collection:
    """Read a passage collection.

    Raises:
        DataError: names the line of the first broken, incomplete or repeated passage.
    """
    passages: list[Passage] = []
    splits: dict[str, str] = {}
    rows: dict[str, int] = {}
    for number, item in read_json_lines(path, EXPECTED):
        passage = _passage(path, number, item)
        if passage.id in rows:
            raise DataError(f"{path}:{number}: duplicate passage id {passage.id!r}; ids must be unique")
        if "split" in item:
            splits[passage.id] = _text(path, number, item, "split")
        rows[passage.id] = len(passages)
        passages.append(passage)
    return Collection(tuple(passages), splits, rows)


def write_passages(path: Path, passages: Iterable[Passage], splits: Mapping[str, str] | None = None) -> None:
    """Write a passage collection, atomically; ``splits`` gives the split of a passage by its id."""
    write_json_lines(path, _objects(passages, splits or {}))


def _objects(passages: Iterable[Passage], splits: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for passage in passages:
        item: dict[str, Any] = {"id": passage.id, "title": passage.title, "text": passage.text}
        if passage.wikipedia_id is not None:
            item["wikipedia_id"] = passage.wikipedia_id
        if passage.span is not None:
            item |= span_object(passage.span)
        if passage.id in splits:
            item["split"] = splits[passage.id]
        yield item


def _passage(path: Path, number: int, item: dict[str, Any]) -> Passage:
    name, title, text = (_text(path, number, item, key) for key in ("id", "title", "text"))
    if item.get("wikipedia_id") is None:
        return Passage(name, title, text)
    page = _text(path, number, item | {"wikipedia_id": id_text(item["wikipedia_id"])}, "wikipedia_id")
    try:
        return Passage(name, title, text, page, read_span(item))
    except DataError as error:
        raise DataError(f"{path}:{number}: {error}") from None


def _text(path: Path, number: int, item: dict[str, Any], key: str) -> str:
    if key not in item:
        raise DataError(f"{path}:{number}: the passage has no {key!r}; {suggest(key, item)}; expected {EXPECTED}")
    value = item[key]
    if not isinstance(value, str) or (key != "title" and not value.strip()):
        raise DataError(f"{path}:{number}: {key!r} of a passage must be non-empty text, found {value!r:.60}")
    return value
