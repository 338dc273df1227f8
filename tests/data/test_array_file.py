"""An array written in pieces is the file that numpy writes, and is read in pieces."""

import io
from pathlib import Path

import numpy as np
import pytest

from glimmer.data.array_file import ArrayFile, pieces


@pytest.mark.parametrize("dtype", [np.int32, np.uint64])
@pytest.mark.parametrize("shape", [(0,), (7,), (7, 4)])
def test_it_is_the_file_that_numpy_writes(tmp_path: Path, shape: tuple[int, ...], dtype: type) -> None:
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    with ArrayFile(tmp_path / "a.npy", dtype, shape) as file:
        for start in range(0, shape[0], 3):
            file.append(array[start : start + 3])
    whole = io.BytesIO()
    np.save(whole, array)
    assert (tmp_path / "a.npy").read_bytes() == whole.getvalue()
    parts = list(pieces(tmp_path / "a.npy", 2))
    assert [len(part) for part in parts] == [2, 2, 2, 1][: len(parts)]
    assert np.array_equal(np.concatenate([array[:0], *parts]), array)


def test_rows_that_are_missing_are_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError), ArrayFile(tmp_path / "a.npy", np.int64, (3,)) as file:
        file.append(np.zeros(2, np.int64))
