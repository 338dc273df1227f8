"""Passage collections on disk: JSON lines ``{id, title, text}``, with the split of the document where known."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimmer.data.files import read_json_lines, write_json_lines
from glimmer.data.index import index_folder
from glimmer.data.mapped import MappedPassages, MappedRows, MappedSplits
from glimmer.data.values import Passage
from glimmer.errors import DataError, suggest

EXPECTED = 'a passage {"id": text, "title": text, "text": text}'


@dataclass(frozen=True)
class Collection:
    """The passages of a file in file order, found by id; ``splits`` holds the split of those that name one.

    All are in memory, or read from the disk one by one where the file has an index.
    """

    passages: Sequence[Passage]
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


def read_passages(path: Path) -> Collection:
    """Read a passage collection; with an index beside it (``glimmer.data.index``), only when passages are asked for.

    Raises:
        DataError: names the line of the first broken, incomplete or repeated passage; or the index is damaged, or of
            another file.
    """
    if index_folder(path).exists():
        mapped = MappedPassages(path)
        return Collection(mapped, MappedSplits(mapped), MappedRows(mapped))
    passages: list[Passage] = []
    splits: dict[str, str] = {}
    rows: dict[str, int] = {}
    for number, item in read_json_lines(path, EXPECTED):
        passage = Passage(*(_text(path, number, item, key) for key in ("id", "title", "text")))
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
        if passage.id in splits:
            item["split"] = splits[passage.id]
        yield item


def _text(path: Path, number: int, item: dict[str, Any], key: str) -> str:
    if key not in item:
        raise DataError(f"{path}:{number}: the passage has no {key!r}; {suggest(key, item)}; expected {EXPECTED}")
    value = item[key]
    if not isinstance(value, str) or (key != "title" and not value.strip()):
        raise DataError(f"{path}:{number}: {key!r} of a passage must be non-empty text, found {value!r:.60}")
    return value
