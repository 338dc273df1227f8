"""Passage collections on disk: JSON lines (``glimmer.data.passage_lines``), held in memory or read through an index."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from glimmer.data.files import decode_lines, json_line, json_object, new_file, read_json_lines, reading, writing
from glimmer.data.index import Block, block_of, index_folder, reader_of, write_index
from glimmer.data.mapped import MappedPassages, MappedRows, MappedSplits
from glimmer.data.passage_lines import EXPECTED, parse_passage, parse_split, passage_object
from glimmer.data.places import HeldPlaces, Places
from glimmer.data.values import Passage, Provenance
from glimmer.errors import DataError

LINES = 1 << 14
"""Lines that are indexed at a time."""


@dataclass(frozen=True)
class Collection:
    """The passages of a file in file order, found by id and by page; ``splits`` holds the split of those that name one.

    All are in memory, or read from the disk one by one where the file has an index.
    """

    passages: Sequence[Passage]
    splits: Mapping[str, str]
    rows: Mapping[str, int]
    """Passage id → position in ``passages``."""
    places: Places

    def __contains__(self, passage_id: object) -> bool:
        return passage_id in self.rows

    def __getitem__(self, passage_id: str) -> Passage:
        """Return the passage called ``passage_id``.

        Raises:
            DataError: the collection has none.
        """
        row = self.rows.get(passage_id)
        if row is None:
            known = f"{len(self.rows)} passages, {self.passages[0].id!r} to {self.passages[-1].id!r}"
            raise DataError(f"no passage {passage_id!r} in the collection ({known})")
        return self.passages[row]

    def named_by(self, provenance: Provenance) -> tuple[Passage, ...]:
        """The passages that a provenance names, in file order; several where it names a page, or a long stretch of it.

        Raises:
            DataError: it names a passage by an id that the collection has not.
        """
        if provenance.passage_id is not None:
            return (self[provenance.passage_id],)
        if provenance.wikipedia_id is None:
            return ()
        rows = self.places.rows(provenance.wikipedia_id, provenance.span)
        return tuple(filter(provenance.names, map(self.passages.__getitem__, rows)))


def read_passages(path: Path) -> Collection:
    """Read a passage collection; with an index beside it (``glimmer.data.index``), only when passages are asked for.

    Raises:
        DataError: names the line of the first broken, incomplete or repeated passage; or the index is damaged, or of
            another file.
    """
    if index_folder(path).exists():
        mapped = MappedPassages(path)
        return Collection(mapped, MappedSplits(mapped), MappedRows(mapped), mapped.places())
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
    return Collection(tuple(passages), splits, rows, HeldPlaces(passages))


def stream_passages(path: Path) -> Iterator[tuple[str | None, Passage]]:
    """Yield each passage of a file, ``.gz`` by suffix, with its split where it names one; ids may be repeated.

    Raises:
        DataError: names the line of the first broken or incomplete passage.
    """
    for number, item in read_json_lines(path, EXPECTED):
        where = f"{path}:{number}"
        yield parse_split(where, item), parse_passage(where, item)


def index_passages(path: Path, progress: bool = False) -> int:
    """Write an index beside a passage file, so that it is no longer held in memory, and return the number of passages.

    Raises:
        DataError: names the line of the first broken, incomplete or repeated passage; or the file is packed.
    """
    if path.suffix == ".gz":
        raise DataError(f"{path}: a packed file cannot be read in the middle; unpack it, then make its index")
    with reading(path), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise DataError(f"{path}: the file is empty; expected on every line {EXPECTED}")
        with writing(index_folder(path)):
            shutil.rmtree(index_folder(path), ignore_errors=True)
        with tqdm(total=size, unit="B", unit_scale=True, desc=path.name, disable=None if progress else True) as bar:
            return write_index(path, reader_of(file.fileno()), size, _blocks(path, bar.update))


def _blocks(path: Path, read: Callable[[int], object]) -> Iterator[Block]:
    """The lines of a passage file, each checked."""
    with path.open("rb") as file:
        numbered = enumerate(file, start=1)
        while lines := list(islice(numbered, LINES)):
            passages, splits = [], 0
            for number, raw in lines:
                where = f"{path}:{number}"
                ((_, line),) = decode_lines([raw], f"{path}", first=number)
                item = json_object(where, line, EXPECTED)
                passages.append(parse_passage(where, item))
                splits += parse_split(where, item) is not None
            lengths = [len(raw) for _, raw in lines]
            spans = [p.span for p in passages]
            yield block_of([p.id for p in passages], [p.wikipedia_id for p in passages], spans, lengths, splits)
            read(sum(lengths))


def write_passages(path: Path, passages: Iterable[Passage], splits: Mapping[str, str] | None = None) -> None:
    """Write a passage collection, atomically and one by one; ``splits`` gives the split of a passage by its id."""
    known = splits or {}
    write_stream(path, ((known.get(passage.id), passage) for passage in passages))


def write_stream(path: Path, passages: Iterable[tuple[str | None, Passage]]) -> None:
    """Write passages with their splits, as ``stream_passages`` yields them, atomically and one by one."""
    with new_file(path) as file:
        file.writelines(json_line(passage_object(passage, split)) for split, passage in passages)
