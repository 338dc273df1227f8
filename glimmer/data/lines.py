"""The lines of a file that is too large to be held as objects: each is read when it is asked for."""

import gzip
import mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glimmer.data.files import reading
from glimmer.data.lazy import LazySequence

SCANNED = 1 << 24
"""Bytes that are looked through at once for where lines end."""


class Lines(LazySequence[bytes]):
    """The lines of a text file, with their ends; mapped into memory, or unpacked into it where it is a ``.gz``."""

    def __init__(self, path: Path) -> None:
        """Open a file and find its lines.

        Raises:
            DataError: the file is missing, truncated or corrupt.
        """
        self._text: bytes | mmap.mmap = b""
        with reading(path):
            if path.suffix == ".gz":
                with gzip.open(path, "rb") as packed:
                    self._text = packed.read()
            elif path.stat().st_size:  # of nothing, nothing can be mapped
                with path.open("rb") as file:
                    self._text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._ends = _ends(self._text)

    def __len__(self) -> int:
        return len(self._ends)

    def make(self, row: int) -> bytes:
        """Read the line of a row."""
        return self._text[self.start(row) : self.start(row + 1)]

    def start(self, row: int) -> int:
        """Where in the (unpacked) file a line begins; where the file ends, for the row after the last."""
        return int(self._ends[row - 1]) if row else 0


def _ends(text: bytes | mmap.mmap) -> NDArray[np.int64]:
    """One past the end of every line."""
    found = []
    for start in range(0, len(text), SCANNED):
        piece = np.frombuffer(text, np.uint8, min(SCANNED, len(text) - start), start)
        found.append(np.flatnonzero(piece == ord("\n")) + (start + 1))
    ends = np.concatenate(found) if found else np.empty(0, np.int64)
    last = int(ends[-1]) if len(ends) else 0
    return ends if last == len(text) else np.append(ends, len(text))
