"""The arrays of an inverted index written word after word, and several such runs of words merged into one."""

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from glimmer.data.array_file import ArrayFile, map_array
from glimmer.retrieval.inverted_index import COUNTS, OFFSETS, ROWS, WORD_OFFSETS, WORDS

MERGED_POSTINGS = 1 << 18
"""Postings that are merged at once, about."""
READ_WORDS = 1 << 16
"""Words that are read ahead, of all runs together."""

Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Block:
    """Words with their postings."""

    words: Sequence[bytes]
    """V words in UTF-8, ascending."""
    starts: Integers
    """``[V]``, where the postings of each word begin; those before the first belong to the last word of the block
    before."""
    rows: Integers
    """``[P]``, ascending within a word."""
    counts: Integers
    """``[P]``"""


class PostingsFile:
    """Context manager that writes blocks, one behind the other."""

    def __init__(self, folder: Path, counts: str) -> None:
        """Write into ``folder``, and counts as numbers of the type ``counts``."""
        self.words = self.word_bytes = self.postings = 0
        """How many are written."""
        self.dtypes = {WORDS: "|u1", WORD_OFFSETS: "<i8", OFFSETS: "<i8", ROWS: "<i4", COUNTS: counts}
        with ExitStack() as stack:
            self._files = {
                name: stack.enter_context(ArrayFile(folder / name, dtype)) for name, dtype in self.dtypes.items()
            }
            self._stack = stack.pop_all()

    def append(self, block: Block) -> None:
        """Write the next words."""
        lengths = np.array([len(word) for word in block.words], np.int64)
        self._files[WORD_OFFSETS].append(self.word_bytes + np.cumsum(lengths) - lengths)
        self._files[OFFSETS].append(self.postings + block.starts)
        self._files[WORDS].append(np.frombuffer(b"".join(block.words), np.uint8))
        self._files[ROWS].append(block.rows)
        self._files[COUNTS].append(block.counts)
        self.words += len(block.words)
        self.word_bytes += int(lengths.sum())
        self.postings += len(block.rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if error is None:
                self._files[WORD_OFFSETS].append(np.array([self.word_bytes]))
                self._files[OFFSETS].append(np.array([self.postings]))


class Runs:
    """Runs, in each of which words ascend, one behind the other in the arrays of a ``PostingsFile``."""

    def __init__(self, folder: Path, written: PostingsFile, ends: Sequence[int]) -> None:
        """Map the arrays of ``folder``; run i has the words ``ends[i]`` to ``ends[i + 1]``."""
        shapes = {
            WORDS: written.word_bytes,
            WORD_OFFSETS: written.words + 1,
            OFFSETS: written.words + 1,
            ROWS: written.postings,
            COUNTS: written.postings,
        }
        self._arrays = {name: map_array(folder / name, written.dtypes[name], (size,)) for name, size in shapes.items()}
        self._ends = ends
        self._step = max(1, READ_WORDS // len(ends))

    def merged(self) -> Iterator[Block]:
        """All words in ascending order, a word's postings in the order of the runs."""
        words: list[bytes] = []
        firsts: list[int] = []
        parts: list[tuple[int, int]] = []
        size, last = 0, None
        for word, start, stop in heapq.merge(*(self._words(*run) for run in pairwise(self._ends))):
            if word != last:
                words.append(word)
                firsts.append(size)
                last = word
            parts.append((start, stop))
            size += stop - start
            if size >= MERGED_POSTINGS:
                yield self._block(words, firsts, parts)
                words, firsts, parts, size = [], [], [], 0
        if parts:
            yield self._block(words, firsts, parts)

    def _words(self, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
        """Words, each with the beginning and the end of its postings."""
        for first in range(start, stop, self._step):
            some = slice(first, min(first + self._step, stop) + 1)
            cuts = self._arrays[WORD_OFFSETS][some].tolist()
            text = self._arrays[WORDS][cuts[0] : cuts[-1]].tobytes()
            postings = pairwise(self._arrays[OFFSETS][some].tolist())
            for (begin, end), (low, high) in zip(pairwise(cuts), postings, strict=True):
                yield text[begin - cuts[0] : end - cuts[0]], low, high

    def _block(self, words: Sequence[bytes], firsts: Sequence[int], parts: Sequence[tuple[int, int]]) -> Block:
        """The block of words whose postings are those parts of the arrays, end to end."""
        starts, stops = np.array(parts, np.int64).T
        sizes = stops - starts
        ends = np.cumsum(sizes)
        places = np.repeat(stops - ends, sizes) + np.arange(ends[-1])
        return Block(words, np.array(firsts, np.int64), self._arrays[ROWS][places], self._arrays[COUNTS][places])
