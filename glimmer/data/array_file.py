"""Arrays in numpy's ``.npy`` files, written and read in pieces: nothing of them stays in the process's memory."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.lib.format import write_array_header_1_0
from numpy.typing import DTypeLike, NDArray


class ArrayFile:
    """Context manager that writes an array of a known shape, rows after rows."""

    def __init__(self, path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> None:
        self._dtype, self._shape = np.dtype(dtype), shape
        self._left = shape[0]
        self._file = path.open("wb")
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": shape}
        write_array_header_1_0(self._file, header)

    def append(self, rows: NDArray[Any]) -> None:
        """Write the next rows."""
        assert rows.shape[1:] == self._shape[1:]
        self._left -= len(rows)
        self._file.write(np.ascontiguousarray(rows, self._dtype).data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        assert error is not None or self._left == 0


def pieces(path: Path, rows: int) -> Iterator[NDArray[Any]]:
    """The array of a file, so many rows at a time."""
    with path.open("rb") as file:
        assert np.lib.format.read_magic(file) == (1, 0)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        for start in range(0, shape[0], rows):
            count = min(rows, shape[0] - start) * int(np.prod(shape[1:]))
            yield np.fromfile(file, dtype, count).reshape(-1, *shape[1:])
