"""Arrays in numpy's ``.npy`` files, written and read in pieces: nothing of them stays in the process's memory."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.lib.format import write_array_header_1_0
from numpy.typing import DTypeLike, NDArray


class ArrayFile:
    """Context manager that writes an array, rows after rows; the header counts none before the block has ended."""

    def __init__(self, path: Path, dtype: DTypeLike, columns: tuple[int, ...] = ()) -> None:
        """Rows have the shape ``columns``."""
        self._dtype, self._columns = np.dtype(dtype), columns
        self._file = path.open("wb")
        self.rows = 0
        """How many are written."""
        self._write_header()
        self._start = self._file.tell()

    def append(self, rows: NDArray[Any]) -> None:
        """Write the next rows."""
        assert rows.shape[1:] == self._columns
        self._file.write(np.ascontiguousarray(rows, self._dtype).data)
        self.rows += len(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if error is None:
                self._file.seek(0)
                self._write_header()
                assert self._file.tell() == self._start  # numpy leaves room for the number to grow

    def _write_header(self) -> None:
        shape = (self.rows, *self._columns)
        write_array_header_1_0(self._file, {"descr": self._dtype.str, "fortran_order": False, "shape": shape})


def pieces(path: Path, rows: int) -> Iterator[NDArray[Any]]:
    """The array of a file, so many rows at a time."""
    with path.open("rb") as file:
        assert np.lib.format.read_magic(file) == (1, 0)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        for start in range(0, shape[0], rows):
            count = min(rows, shape[0] - start) * int(np.prod(shape[1:]))
            yield np.fromfile(file, dtype, count).reshape(-1, *shape[1:])


def map_array(path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[Any]:
    """Map the array of a file, read-only.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is cut, or no array of that type and shape.
    """
    # A file of no rows has nothing that could be mapped.
    array: NDArray[Any] = np.load(path, mmap_mode="r" if 0 not in shape else None).view(np.ndarray)
    if array.dtype != np.dtype(dtype) or array.shape != shape:
        raise ValueError(f"expected {np.dtype(dtype).str} of shape {shape}, found {array.dtype.str} of {array.shape}")
    return array
