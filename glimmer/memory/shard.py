"""A shard of a store: a safetensors file of the states of some passages, written in a stream and read mapped.

Legend: P passages, T stored tokens, C stored columns.
"""

import mmap
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from glimmer.data.files import sync
from glimmer.data.index import key_of
from glimmer.memory.content import CONTENT
from glimmer.memory.layout import NUMPY, Rows, ShardInfo, data_start, digest_of_file, header, header_of, sections


class ShardWriter:
    """Context manager that writes one shard; it appears complete when the block ends, or not at all."""

    def __init__(self, path: Path, rows: Rows, first: str) -> None:
        """``first`` is the id of the first passage of the range that the shard is made of."""
        self._path, self._rows, self._first = path, rows, first
        self._offsets, self._id_offsets = [0], [0]
        self._keys: list[int] = []
        self._contents: list[bytes] = []
        self._ids: list[bytes] = []
        self.info: ShardInfo
        """What was written, once the block has ended."""

    def __enter__(self) -> Self:
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        self._temporary = Path(name)
        self._file = os.fdopen(handle, "wb")
        self._file.seek(data_start(self._first))
        return self

    def append(self, passage_id: str, content: bytes, rows: NDArray[np.uint8]) -> None:
        """Write the ``[T, bytes of a token]`` rows of one passage.

        Raises:
            OSError: the disk refuses it.
        """
        name = passage_id.encode()
        self._file.write(rows.data)
        self._offsets.append(self._offsets[-1] + len(rows))
        self._id_offsets.append(self._id_offsets[-1] + len(name))
        self._keys.append(key_of(passage_id))
        self._contents.append(content)
        self._ids.append(name)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
            else:
                with suppress(OSError):  # what was not written yet may be refused once more
                    self._file.close()
        finally:
            self._temporary.unlink(missing_ok=True)

    def _finish(self) -> None:
        passages, tokens, id_bytes = len(self._ids), self._offsets[-1], self._id_offsets[-1]
        places = sections(self._rows, self._first, passages, tokens, id_bytes)
        small = {
            "padding": bytes(places["padding"].shape[0]),
            "offsets": np.array(self._offsets, "<i8").tobytes(),
            "id_offsets": np.array(self._id_offsets, "<i8").tobytes(),
            "keys": np.array(self._keys, "<u8").tobytes(),
            "contents": b"".join(self._contents),
            "ids": b"".join(self._ids),
        }
        with self._file as file:
            file.write(b"".join(small.values()))
            size = file.tell()
            file.seek(0)
            file.write(header(self._rows, self._first, passages, tokens, id_bytes))
            file.flush()
            os.fsync(file.fileno())
        digest = digest_of_file(self._temporary)
        self._temporary.chmod(0o644)
        self._temporary.replace(self._path)
        sync(self._path.parent)
        self.info = ShardInfo(size, digest, self._path.name, self._first, passages, tokens, id_bytes)


class Shard:
    """A shard mapped for reading: only what is asked for is read, and processes share it."""

    def __init__(self, path: Path, rows: Rows, info: ShardInfo) -> None:
        """Map a file that the manifest promises as ``info``.

        Raises:
            OSError: it cannot be mapped.
        """
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._places = sections(rows, info.first, info.passages, info.tokens, info.id_bytes)
        self.passages = info.passages
        self.states = self._bytes("states").reshape(info.tokens, rows.columns * rows.itemsize)
        """uint8 ``[T, bytes of a token]``."""
        self.offsets = self._array("offsets")
        """int64 ``[P + 1]``: passage p has the tokens from ``offsets[p]`` to ``offsets[p + 1]``."""
        self.keys = self._array("keys")
        """uint64 ``[P]``."""
        self.contents = self._bytes("contents").reshape(info.passages, CONTENT)
        self._id_offsets = self._array("id_offsets")
        self._ids = self._places["ids"].start

    def passage_id(self, row: int) -> str:
        """The id of a passage; what is no text any more comes back with marks in it."""
        start, stop = (self._ids + int(place) for place in self._id_offsets[row : row + 2])
        return self._map[max(start, 0) : max(stop, 0)].decode(errors="replace")

    def _bytes(self, name: str) -> NDArray[np.uint8]:
        place = self._places[name]
        return np.frombuffer(self._map, np.uint8, place.stop - place.start, place.start)

    def _array(self, name: str) -> NDArray[Any]:
        array: NDArray[Any] = self._bytes(name).view(NUMPY[self._places[name].element])
        return array


def begins_as_promised(path: Path, rows: Rows, info: ShardInfo) -> bool:
    """Whether a file begins with the header that the manifest's promise makes."""
    expected = header_of(rows, info)
    with path.open("rb") as file:
        return file.read(len(expected)) == expected
