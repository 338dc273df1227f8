"""An array written in pieces is the file that numpy writes, and is read in pieces."""

import io
from pathlib import Path

import numpy as np
import pytest

from glimmer.data.array_file import ArrayFile, map_array, pieces


@pytest.mark.parametrize("dtype", [np.int32, np.uint64])
@pytest.mark.parametrize("shape", [(0,), (7,), (7, 4)])
def test_it_is_the_file_that_numpy_writes(tmp_path: Path, shape: tuple[int, ...], dtype: type) -> None:
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    with ArrayFile(tmp_path / "a.npy", dtype, shape[1:]) as file:
        for start in range(0, shape[0], 3):
            file.append(array[start : start + 3])
    whole = io.BytesIO()
    np.save(whole, array)
    assert (tmp_path / "a.npy").read_bytes() == whole.getvalue()
    parts = list(pieces(tmp_path / "a.npy", 2))
    assert [len(part) for part in parts] == [2, 2, 2, 1][: len(parts)]
    assert np.array_equal(np.concatenate([array[:0], *parts]), array)


def test_an_array_that_was_not_finished_is_empty(tmp_path: Path) -> None:
    file = ArrayFile(tmp_path / "a.npy", np.int64)
    file.append(np.zeros(2, np.int64))
    file.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert np.load(tmp_path / "a.npy").shape == (0,)


@pytest.mark.parametrize("shape", [(0,), (5,), (0, 3), (5, 3)])
def test_a_mapped_array_is_of_the_type_and_shape_asked_for(tmp_path: Path, shape: tuple[int, ...]) -> None:
    file, array = tmp_path / "a.npy", np.ones(shape, np.int16)
    np.save(file, array)
    assert np.array_equal(map_array(file, np.int16, shape), array)
    for dtype, other in ((np.int16, (6, *shape[1:])), (np.uint16, shape)):
        with pytest.raises(ValueError, match=r"expected <[iu]2 of shape .*, found <i2"):
            map_array(file, dtype, other)
    if array.size:
        file.write_bytes(file.read_bytes()[:-1])
        with pytest.raises(ValueError, match="greater than file size"):
            map_array(file, np.int16, shape)
