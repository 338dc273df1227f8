"""An inverted index on disk: which passages hold a word, and how often.

Layout of the folder, of N passages, V words and P postings: ``manifest.json`` and arrays in numpy's ``.npy``, numbers
little-endian. They are memory-mapped: opening reads none of them, and a search only what is about its words.

- ``words.npy``, uint8: the words in UTF-8, end to end, in ascending order of their bytes.
- ``word_offsets.npy``, int64 ``[V + 1]``: word v has the bytes ``word_offsets[v]`` to ``word_offsets[v + 1]``.
- ``offsets.npy``, int64 ``[V + 1]``: word v has the postings ``offsets[v]`` to ``offsets[v + 1]``.
- ``rows.npy``, int32 ``[P]``: the rows of the passages that hold the word, ascending.
- ``counts.npy``, uint8, uint16 or uint32 ``[P]``: how often each holds it.
- ``lengths.npy``, int32 ``[N]``: the words of every passage, one that occurs twice counted twice.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimmer.data.array_file import map_array
from glimmer.data.files import read_json
from glimmer.errors import StoreError

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
WORDS, WORD_OFFSETS, OFFSETS, ROWS, COUNTS, LENGTHS = (
    f"{name}.npy" for name in ("words", "word_offsets", "offsets", "rows", "counts", "lengths")
)
SIZES = ("passages", "tokens", "words", "word_bytes", "postings", "largest_count")
"""Numbers that the manifest gives, besides ``format_version`` and ``made_of``; tokens are the words of all passages."""


@dataclass(frozen=True)
class Postings:
    """The n passages that hold a word, mapped."""

    rows: NDArray[np.int32]
    """``[n]``, ascending."""
    counts: NDArray[np.unsignedinteger[Any]]
    """``[n]``, how often each holds it."""


class InvertedIndex:
    """An index, open for searching; threads and processes share what the system keeps of it."""

    def __init__(self, folder: Path, made_of: Mapping[str, Any]) -> None:
        """Open the index of a collection.

        Args:
            folder: where it lies.
            made_of: all that decides what it holds, as it was written with.

        Raises:
            DataError: it has no manifest.
            StoreError: it is of another format version or made of something else, or a file is missing, cut or foreign.
        """
        manifest = read_json(folder / MANIFEST, "the manifest of an inverted index")
        remedy = f"remove {folder} to have it made anew"
        version, made = manifest.get("format_version"), manifest.get("made_of")
        if version != FORMAT_VERSION:
            raise StoreError(f"{folder}: format version {version!r}; this glimmer reads {FORMAT_VERSION}; {remedy}")
        if made != made_of:
            found = made if isinstance(made, dict) else {}
            different = ", ".join(key for key in made_of if found.get(key) != made_of[key])
            raise StoreError(f"{folder} was made of other {different or 'things'} than are searched; {remedy}")
        for key in SIZES:
            if not isinstance(manifest.get(key), int):
                raise StoreError(f"{folder / MANIFEST}: expected a number as {key!r}; {remedy}")
        sizes = {key: int(manifest[key]) for key in SIZES}

        def mapped(name: str, dtype: str, length: int) -> NDArray[Any]:
            try:
                return map_array(folder / name, dtype, (length,))
            except (OSError, ValueError) as error:
                raise StoreError(f"{folder / name}: cannot be read ({error}); {remedy}") from None

        self.passages, self._size = sizes["passages"], sizes["words"]
        self.mean_length = sizes["tokens"] / max(1, self.passages)
        """Words of a passage."""
        self.lengths: NDArray[np.int32] = mapped(LENGTHS, "<i4", self.passages)
        """``[N]``, the words of every passage."""
        self._words = mapped(WORDS, "|u1", sizes["word_bytes"])
        self._word_offsets = mapped(WORD_OFFSETS, "<i8", self._size + 1)
        self._offsets = mapped(OFFSETS, "<i8", self._size + 1)
        self._rows = mapped(ROWS, "<i4", sizes["postings"])
        self._counts = mapped(COUNTS, np.min_scalar_type(sizes["largest_count"]).str, sizes["postings"])

    def find(self, word: str) -> Postings | None:
        """The postings of a word; None where no passage holds it."""
        wanted = word.encode()
        place = bisect_left(range(self._size), wanted, key=self._word)
        if place == self._size or self._word(place) != wanted:
            return None
        start, stop = self._offsets[place : place + 2].tolist()
        return Postings(self._rows[start:stop], self._counts[start:stop])

    def _word(self, place: int) -> bytes:
        start, stop = self._word_offsets[place : place + 2].tolist()
        return self._words[start:stop].tobytes()
