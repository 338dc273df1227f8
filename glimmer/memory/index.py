"""The index of a store's generation: where every passage lies, by the hash of its id.

``keys.npy`` (uint64 ``[P]``, ascending) and ``places.npy`` (int64 ``[P]``, ``shard · 2³² + row in it``, a shard being
its place in the manifest's list) are mapped, so that finding a passage costs the same however many there are.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib.format import write_array_header_1_0
from numpy.typing import NDArray

from glimmer.errors import StoreError
from glimmer.memory.content import keys_of
from glimmer.memory.layout import KEYS, PLACES
from glimmer.memory.shard import Shard

BUCKET = 1 << 20
"""Keys that are sorted in memory at once, about."""
ROW_BITS = 32


@dataclass(frozen=True)
class Live:
    """The passages of a shard that belong to a generation."""

    shard: Shard
    rows: NDArray[np.bool_] | None = None
    """Which of them, ``[P]``; None = all."""

    @property
    def passages(self) -> int:
        """How many they are."""
        return self.shard.passages if self.rows is None else int(self.rows.sum())

    @property
    def tokens(self) -> int:
        """How many stored tokens they have."""
        offsets = self.shard.offsets
        return int(offsets[-1]) if self.rows is None else int(np.diff(offsets)[self.rows].sum())


class Index:
    """The mapped arrays of a generation."""

    def __init__(self, folder: Path, passages: int) -> None:
        """Map the index of so many passages.

        Raises:
            ValueError: a file is no array of that size.
            OSError: a file cannot be read.
        """
        self.keys, self.places = (_mapped(folder / name, kind, passages) for name, kind in KINDS.items())

    def candidates(self, passage_ids: Sequence[str]) -> list[tuple[int, int]]:
        """The ranges of positions whose keys are those of the ids: of one position nearly always, or of none."""
        keys = keys_of(passage_ids)
        starts = np.searchsorted(self.keys, keys, "left")
        stops = np.searchsorted(self.keys, keys, "right")
        return list(zip(starts.tolist(), stops.tolist(), strict=True))

    def place(self, position: int) -> tuple[int, int]:
        """The shard and the row in it of a position."""
        return divmod(int(self.places[position]), 1 << ROW_BITS)


KINDS = {KEYS: "<u8", PLACES: "<i8"}


def write_index(folder: Path, parts: Sequence[Live], shard_files: Callable[[int], str]) -> None:
    """Sort the keys of all parts into ``folder``, a range of keys at a time.

    ``shard_files`` names a shard in messages.

    Raises:
        StoreError: an id occurs twice.
        OSError: the disk refuses a write.
    """
    count = sum(part.passages for part in parts)
    bits = (count // BUCKET).bit_length()
    with _array_file(folder / KEYS, "<u8", count) as keys_file, _array_file(folder / PLACES, "<i8", count) as places:
        for bucket in range(1 << bits):
            keys, found = _bucket(parts, bucket, bits)
            order = np.argsort(keys, kind="stable")
            keys, found = keys[order], found[order]
            for same in np.flatnonzero(keys[1:] == keys[:-1]):
                _refuse_same(parts, int(found[same]), int(found[same + 1]), shard_files)
            keys_file.write(keys.astype("<u8").data)
            places.write(found.astype("<i8").data)
        for file in (keys_file, places):
            file.flush()
            os.fsync(file.fileno())


def _bucket(parts: Sequence[Live], bucket: int, bits: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The keys that begin with ``bucket``, and their places."""
    all_keys, all_places = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for number, part in enumerate(parts):
        chosen = np.ones(part.shard.passages, bool) if part.rows is None else part.rows
        if bits:  # a shift by 64 is undefined
            chosen = chosen & (part.shard.keys >> np.uint64(64 - bits) == bucket)
        rows = np.flatnonzero(chosen)
        all_keys.append(part.shard.keys[rows])
        all_places.append((number << ROW_BITS) + rows)
    return np.concatenate(all_keys), np.concatenate(all_places)


def _refuse_same(parts: Sequence[Live], first: int, second: int, shard_files: Callable[[int], str]) -> None:
    """Two ids of one key are most likely the same id."""
    places = [divmod(place, 1 << ROW_BITS) for place in (first, second)]
    names = [parts[shard].shard.passage_id(row) for shard, row in places]
    if names[0] == names[1]:
        raise StoreError(
            f"the passage id {names[0]!r} occurs twice, in {shard_files(places[0][0])} and "
            f"{shard_files(places[1][0])}; ids must be unique"
        )


def _array_file(path: Path, kind: str, count: int) -> BinaryIO:
    file = path.open("wb")
    header: dict[str, Any] = {"descr": kind, "fortran_order": False, "shape": (count,)}
    write_array_header_1_0(file, header)
    return file


def _mapped(path: Path, kind: str, passages: int) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, mmap_mode="r" if passages else None).view(np.ndarray)
    if array.shape != (passages,) or array.dtype != np.dtype(kind):
        raise ValueError(f"expected {kind} of shape ({passages},), found {array.dtype.str} of {array.shape}")
    return array


def live_rows(index: Index, kept: NDArray[np.bool_], shards: Sequence[int]) -> list[NDArray[np.bool_]]:
    """Of every shard of so many passages, which rows stand at a position that is ``kept``."""
    starts = np.cumsum([0, *shards])
    live = np.zeros(starts[-1], bool)
    for start in range(0, len(kept), BUCKET):
        places = index.places[start : start + BUCKET][kept[start : start + BUCKET]]
        live[starts[places >> ROW_BITS] + (places & ((1 << ROW_BITS) - 1))] = True
    return [live[start:stop] for start, stop in pairwise(starts)]
