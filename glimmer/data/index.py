"""An index beside a passage file, by which passages are read from the disk one by one, however many there are.

``passages.jsonl.index/`` holds ``offsets.npy`` (int64 ``[P + 1]``, the byte where each line begins), ``keys.npy``
(uint64 ``[P]``, hashes of the ids, ascending), ``rows.npy`` (int64 ``[P]``, the row of each key) and ``index.json``,
which tells the file that it was made of. Where Q > 0 passages name a page, ``page_keys.npy`` and ``page_rows.npy``
(``[Q]``) are the same of the pages, and ``spans.npy`` (int32 ``[P, 4]``) holds the stretch that each passage was cut
from, or -1. All but ``index.json`` are memory-mapped.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimmer.data.array_file import ArrayFile, map_array, pieces
from glimmer.data.files import read_json, write_json
from glimmer.data.folders import new_folder
from glimmer.data.spans import Span
from glimmer.errors import DataError

FORMAT_VERSION = 1
INDEX, OFFSETS, KEYS, ROWS = "index.json", "offsets.npy", "keys.npy", "rows.npy"
PAGE_KEYS, PAGE_ROWS, SPANS = "page_keys.npy", "page_rows.npy", "spans.npy"
DTYPES = {OFFSETS: "<i8", KEYS: "<u8", ROWS: "<i8", PAGE_KEYS: "<u8", PAGE_ROWS: "<i8", SPANS: "<i4"}
PROMISES = {"passages": int, "placed": int, "splits": int, "sha256": str}
"""What ``index.json`` tells beside what it is checked by."""
ENDS = 1 << 20
"""Bytes at either end of a passage file that are compared."""
BUCKET = 1 << 20
"""Keys that are sorted in memory at once."""

Read = Callable[[int, int], bytes]
"""Bytes ``start`` to ``stop`` of a passage file."""


class DuplicateIdError(DataError):
    """Two passages of a file have one id."""

    def __init__(self, passages: Path, passage_id: str, first: int, second: int) -> None:
        super().__init__(
            f"{passages}:{second}: duplicate passage id {passage_id!r}, first used in line {first}; ids must be unique"
        )
        self.passage_id = passage_id


@dataclass(frozen=True)
class Block:
    """Consecutive lines of a passage file."""

    lengths: NDArray[np.int64]
    """Bytes of each line, its end included."""
    keys: NDArray[np.uint64]
    """``key_of`` each id."""
    page_keys: NDArray[np.uint64]
    """``key_of`` each page, 0 = none is named."""
    spans: NDArray[np.int32]
    """``[P, 4]``, -1 = not known."""
    splits: int
    """How many name a split."""


def block_of(
    ids: Sequence[str],
    pages: Sequence[str | None],
    spans: Sequence[Span | None],
    lengths: Sequence[int],
    splits: int = 0,
) -> Block:
    """What the index needs of passages (their ids, pages and stretches of them) and of the lengths of their lines."""
    numbers = [(-1, -1, -1, -1) if span is None else astuple(span) for span in spans]
    return Block(
        np.array(lengths, np.int64),
        np.array([key_of(name) for name in ids], np.uint64),
        np.array([0 if page is None else key_of(page) for page in pages], np.uint64),
        np.array(numbers, np.int32).reshape(-1, 4),
        splits,
    )


def index_folder(passages: Path) -> Path:
    """Where the index of a passage file lies."""
    return passages.with_name(f"{passages.name}.index")


def key_of(name: str) -> int:
    """Eight bytes of BLAKE2b of an id in UTF-8, as a little-endian number, never 0; memory stores have the same."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little") or 1


def write_index(passages: Path, read: Read, size: int, blocks: Iterable[Block]) -> int:
    """Write the index of ``size`` bytes of passages, and return how many they are.

    Raises:
        DuplicateIdError: an id occurs twice.
        DataError: the disk refuses a write.
    """
    with new_folder(index_folder(passages)) as folder, TemporaryDirectory(dir=folder) as rough:
        keys, pages = Path(rough, KEYS), Path(rough, PAGE_KEYS)
        at = splits = placed = 0
        digest = hashlib.sha256()
        with (
            ArrayFile(folder / OFFSETS, DTYPES[OFFSETS]) as offsets_file,
            ArrayFile(keys, DTYPES[KEYS]) as keys_file,
            ArrayFile(pages, DTYPES[PAGE_KEYS]) as pages_file,
            ArrayFile(folder / SPANS, DTYPES[SPANS], (4,)) as spans_file,
        ):
            for block in blocks:
                ends = at + np.cumsum(block.lengths)
                offsets_file.append(ends - block.lengths)
                keys_file.append(block.keys)
                pages_file.append(block.page_keys)
                spans_file.append(block.spans)
                stop = at + int(block.lengths.sum())
                digest.update(read(at, stop))
                at = stop
                splits, placed = splits + int(block.splits), placed + int(np.count_nonzero(block.page_keys))
            offsets_file.append(np.array([at]))
        count = keys_file.rows
        offsets = np.load(folder / OFFSETS, mmap_mode="r")

        def refuse_same(first: int, second: int) -> None:
            names = [json.loads(read(int(offsets[i]), int(offsets[i + 1])))["id"] for i in (first, second)]
            if names[0] == names[1]:
                raise DuplicateIdError(passages, names[0], first + 1, second + 1)

        _sort(keys, count, folder / KEYS, folder / ROWS, refuse_same)
        if placed:
            _sort(pages, placed, folder / PAGE_KEYS, folder / PAGE_ROWS)
        else:
            (folder / SPANS).unlink()
        write_json(
            folder / INDEX,
            {
                "format_version": FORMAT_VERSION,
                "passages": count,
                "splits": splits,
                "placed": placed,
                "bytes": size,
                "sha256": digest.hexdigest(),
                "ends_sha256": _ends(read, size),
            },
        )
    return count


def check_index(passages: Path, read: Read, size: int) -> dict[str, Any]:
    """What the index of a passage file says of itself.

    Raises:
        DataError: it is damaged, of another version, or was made of a file with other content.
    """
    folder = index_folder(passages)
    found = read_json(folder / INDEX, "the index of a passage file")
    remedy = f"make it anew with `glimmer passages index {passages}`"
    version = found.get("format_version")
    if version != FORMAT_VERSION:
        raise DataError(
            f"{folder / INDEX}: expected 'format_version': {FORMAT_VERSION}, found {version!r:.60}; {remedy}"
        )
    if found.get("bytes") != size or found.get("ends_sha256") != _ends(read, size):
        raise DataError(f"{folder}: the index was made of another {passages.name} than the one beside it; {remedy}")
    for key, kind in PROMISES.items():
        if not isinstance(found.get(key), kind):
            wanted = f"{key!r}: {'text' if kind is str else 'a number'}"
            raise DataError(f"{folder / INDEX}: expected {wanted}, found {found.get(key)!r:.60}; {remedy}")
    return found


def load_array(folder: Path, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Map an array of the index.

    Raises:
        DataError: it is missing, cut, or of another type or shape.
    """
    try:
        return map_array(folder / name, DTYPES[name], shape)
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / name}: the index is damaged: {error}; remove {folder} and make it anew") from None


def find_rows(keys: NDArray[np.uint64], rows: NDArray[np.int64], name: str) -> NDArray[np.int64]:
    """The rows, ascending, whose id or page has the key of ``name``; one of another name has it by chance, 2^-64."""
    key = np.uint64(key_of(name))
    return rows[np.searchsorted(keys, key, "left") : np.searchsorted(keys, key, "right")]


def _sort(
    unsorted: Path,
    count: int,
    keys_file: Path,
    rows_file: Path,
    same: Callable[[int, int], None] = lambda first, second: None,
) -> None:
    """Write the ``count`` keys that are not 0 in ascending order with their rows, a bucket of first bits at a time.

    ``same`` is told of neighbouring rows of one key.
    """
    bits = (count // BUCKET).bit_length()
    with ArrayFile(keys_file, np.uint64) as keys, ArrayFile(rows_file, np.int64) as rows:
        for bucket in range(1 << bits):
            members, values = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
            for number, chunk in enumerate(pieces(unsorted, BUCKET)):
                inside = chunk >> np.uint64(64 - bits) == bucket if bits else True  # a shift by 64 is undefined
                found = np.flatnonzero((chunk != 0) & inside)
                members.append(number * BUCKET + found)
                values.append(chunk[found])
            order = np.argsort(np.concatenate(values), kind="stable")
            sorted_keys, sorted_rows = np.concatenate(values)[order], np.concatenate(members)[order]
            for place in np.flatnonzero(np.diff(sorted_keys) == 0):
                same(int(sorted_rows[place]), int(sorted_rows[place + 1]))
            keys.append(sorted_keys)
            rows.append(sorted_rows)


def _ends(read: Read, size: int) -> str:
    ends = read(0, min(size, ENDS)) + read(max(0, size - ENDS), size)
    return hashlib.sha256(ends).hexdigest()


def reader_of(descriptor: int) -> Read:
    """Read an open file by place."""
    return lambda start, stop: os.pread(descriptor, stop - start, start)
