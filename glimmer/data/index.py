"""An index beside a passage file, by which passages are read from the disk one by one, however many there are.

``passages.jsonl.index/`` holds ``offsets.npy`` (int64 ``[P + 1]``, the byte where each line begins), ``keys.npy``
(uint64 ``[P]``, hashes of the ids, ascending), ``rows.npy`` (int64 ``[P]``, the row of each key) and ``index.json``,
which tells the file that it was made of. All but the last are memory-mapped.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from glimmer.data.files import new_folder, read_json, write_json
from glimmer.errors import DataError

FORMAT_VERSION = 1
INDEX, OFFSETS, KEYS, ROWS = "index.json", "offsets.npy", "keys.npy", "rows.npy"
ENDS = 1 << 20
"""Bytes at either end of a passage file that are compared."""
BUCKET = 1 << 20
"""Keys that are sorted in memory at once."""

Read = Callable[[int, int], bytes]
"""Bytes ``start`` to ``stop`` of a passage file."""


@dataclass(frozen=True)
class Block:
    """Consecutive lines of a passage file."""

    lengths: NDArray[np.int64]
    """Bytes of each line, its end included."""
    keys: NDArray[np.uint64]
    """``key_of`` each id."""


def index_folder(passages: Path) -> Path:
    """Where the index of a passage file lies."""
    return passages.with_name(f"{passages.name}.index")


def key_of(passage_id: str) -> int:
    """Eight bytes of hash of an id."""
    return int.from_bytes(hashlib.blake2b(passage_id.encode(), digest_size=8).digest(), "little")


def write_index(
    passages: Path,
    read: Read,
    size: int,
    count: int,
    blocks: Iterable[Block],
    fill: Callable[[Path], None] = lambda folder: None,
) -> None:
    """Write the index of ``count`` passages, ``size`` bytes; what ``fill`` adds to its folder belongs to it.

    Raises:
        DataError: an id occurs twice, or the disk refuses a write.
    """
    final = index_folder(passages)
    with new_folder(final) as folder:
        offsets = open_memmap(folder / OFFSETS, "w+", np.int64, (count + 1,))
        unsorted = open_memmap(folder / "unsorted.npy", "w+", np.uint64, (count,))
        row, at = 0, 0
        for block in blocks:
            stop = row + len(block.lengths)
            offsets[row + 1 : stop + 1] = at + np.cumsum(block.lengths)
            unsorted[row:stop] = block.keys
            row, at = stop, int(offsets[stop])
        _sort(folder, unsorted, lambda row: _id(read(int(offsets[row]), int(offsets[row + 1]))), passages)
        del unsorted
        (folder / "unsorted.npy").unlink()
        fill(folder)
        offsets.flush()
        write_json(
            folder / INDEX,
            {"format_version": FORMAT_VERSION, "passages": count, "bytes": size, "ends_sha256": _ends(read, size)},
        )


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
    return found


def load_array(folder: Path, name: str, shape: Sequence[int | None]) -> NDArray[Any]:
    """Map an array of the index; None in ``shape`` stands for any length.

    Raises:
        DataError: it is missing or has another shape.
    """
    try:
        array: NDArray[Any] = np.load(folder / name, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / name}: the index is damaged: {error}; remove {folder} and make it anew") from None
    if len(array.shape) != len(shape) or any(w not in (None, n) for w, n in zip(shape, array.shape, strict=True)):
        raise DataError(f"{folder / name}: the index is damaged: expected shape {shape}, found {array.shape}")
    return array


def find_rows(keys: NDArray[np.uint64], rows: NDArray[np.int64], passage_id: str) -> NDArray[np.int64]:
    """The rows whose id has the key of ``passage_id``: none, or one, but for a chance of 2^-64 times their number."""
    key = np.uint64(key_of(passage_id))
    return rows[np.searchsorted(keys, key, "left") : np.searchsorted(keys, key, "right")]


def _sort(folder: Path, unsorted: NDArray[np.uint64], id_of: Callable[[int], str], passages: Path) -> None:
    """Write the keys in ascending order with their rows, a bucket of the key's first bits at a time."""
    count = len(unsorted)
    keys = open_memmap(folder / KEYS, "w+", np.uint64, (count,))
    rows = open_memmap(folder / ROWS, "w+", np.int64, (count,))
    bits = (count // BUCKET).bit_length()
    done = 0
    for bucket in range(1 << bits):
        found = [
            start + np.flatnonzero((unsorted[start : start + BUCKET] >> np.uint64(64 - bits)) == bucket)
            if bits
            else np.arange(start, min(start + BUCKET, count))
            for start in range(0, count, BUCKET)
        ]
        members = np.concatenate([*found, np.zeros(0, np.int64)])
        values = unsorted[members]
        order = np.argsort(values, kind="stable")
        keys[done : done + len(order)], rows[done : done + len(order)] = values[order], members[order]
        for same in done + np.flatnonzero(np.diff(keys[done : done + len(order)]) == 0):
            name = id_of(int(rows[same]))
            if name == id_of(int(rows[same + 1])):
                raise DataError(
                    f"{passages}:{int(rows[same + 1]) + 1}: duplicate passage id {name!r}, first used in line "
                    f"{int(rows[same]) + 1}; ids must be unique"
                )
        done += len(order)
    keys.flush()
    rows.flush()


def _id(line: bytes) -> str:
    return str(json.loads(line)["id"])


def _ends(read: Read, size: int) -> str:
    ends = read(0, min(size, ENDS)) + read(max(0, size - ENDS), size)
    return hashlib.sha256(ends).hexdigest()


def reader_of(descriptor: int) -> Read:
    """Read an open file by place."""
    return lambda start, stop: os.pread(descriptor, stop - start, start)
