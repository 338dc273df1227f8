"""Passage collections on disk: JSON lines ``{id, title, text}``, with the split of the document where known."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from glimmer.data.files import decode_lines, json_line, json_object, new_file, read_json_lines, reading, writing
from glimmer.data.index import Block, index_folder, key_of, reader_of, write_index
from glimmer.data.mapped import MappedPassages, MappedRows, MappedSplits
from glimmer.data.values import Passage
from glimmer.errors import DataError, suggest

EXPECTED = 'a passage {"id": text, "title": text, "text": text}'
LINES = 1 << 14
"""Lines that are indexed at a time."""


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
    for split, passage in stream_passages(path):
        if passage.id in rows:
            number = len(passages) + 1
            raise DataError(f"{path}:{number}: duplicate passage id {passage.id!r}; ids must be unique")
        if split is not None:
            splits[passage.id] = split
        rows[passage.id] = len(passages)
        passages.append(passage)
    return Collection(tuple(passages), splits, rows)


def stream_passages(path: Path) -> Iterator[tuple[str | None, Passage]]:
    """Yield each passage of a file, ``.gz`` by suffix, with its split where it names one; ids may be repeated.

    Raises:
        DataError: names the line of the first broken or incomplete passage.
    """
    for number, item in read_json_lines(path, EXPECTED):
        yield _text(path, number, item, "split") if "split" in item else None, _passage(path, number, item)


def index_passages(path: Path, progress: bool = False) -> int:
    """Write an index beside a passage file, so that it is no longer held in memory, and return the number of passages.

    Raises:
        DataError: names the line of the first broken, incomplete or repeated passage; or the file is packed.
    """
    if path.suffix == ".gz":
        raise DataError(f"{path}: a packed file cannot be read in the middle; unpack it, then make its index")
    with reading(path), path.open("rb") as file:
        count = sum(1 for _ in file)
        size = file.tell()
        with writing(index_folder(path)):
            shutil.rmtree(index_folder(path), ignore_errors=True)
        if count == 0:
            raise DataError(f"{path}: the file is empty; expected on every line {EXPECTED}")
        with tqdm(total=size, unit="B", unit_scale=True, desc=path.name, disable=None if progress else True) as bar:
            write_index(path, reader_of(file.fileno()), size, count, _blocks(path, bar.update))
    return count


def _blocks(path: Path, read: Callable[[int], object]) -> Iterator[Block]:
    """The lines of a passage file, each checked."""
    with path.open("rb") as file:
        numbered = enumerate(file, start=1)
        while lines := list(islice(numbered, LINES)):
            keys = []
            for number, raw in lines:
                ((_, line),) = decode_lines([raw], f"{path}", first=number)
                keys.append(key_of(_passage(path, number, json_object(f"{path}:{number}", line, EXPECTED)).id))
            lengths = np.array([len(raw) for _, raw in lines], np.int64)
            yield Block(lengths, np.array(keys, np.uint64))
            read(int(lengths.sum()))


def write_passages(path: Path, passages: Iterable[Passage], splits: Mapping[str, str] | None = None) -> None:
    """Write a passage collection, atomically; ``splits`` gives the split of a passage by its id."""
    with new_file(path) as file:
        file.writelines(map(json_line, _objects(passages, splits or {})))


def _objects(passages: Iterable[Passage], splits: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for passage in passages:
        item: dict[str, Any] = {"id": passage.id, "title": passage.title, "text": passage.text}
        if passage.id in splits:
            item["split"] = splits[passage.id]
        yield item


def _passage(path: Path, number: int, item: dict[str, Any]) -> Passage:
    return Passage(*(_text(path, number, item, key) for key in ("id", "title", "text")))


def _text(path: Path, number: int, item: dict[str, Any], key: str) -> str:
    if key not in item:
        raise DataError(f"{path}:{number}: the passage has no {key!r}; {suggest(key, item)}; expected {EXPECTED}")
    value = item[key]
    if not isinstance(value, str) or (key != "title" and not value.strip()):
        raise DataError(f"{path}:{number}: {key!r} of a passage must be non-empty text, found {value!r:.60}")
    return value
