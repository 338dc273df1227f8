"""An inverted index of any number of passages made in little memory: single-pass in-memory indexing (Heinz and Zobel,
Efficient single-pass index construction for text databases, 2003).

Passages are inverted in memory until they have so many words; what comes of them, a run, is sorted by word and put
behind the runs before it. At the end all runs are merged, word by word.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from tqdm import tqdm

from glimmer.data.array_file import ArrayFile
from glimmer.data.files import write_json
from glimmer.data.folders import new_folder
from glimmer.errors import WriteError
from glimmer.retrieval.inverted_index import FORMAT_VERSION, LENGTHS, MANIFEST
from glimmer.retrieval.postings_file import Block, Integers, PostingsFile, Runs

RUN_TOKENS = 1 << 21
"""Words of the passages of a run, the same word counted again; they take some 200 MB while they are sorted."""


def write_inverted_index(folder: Path, made_of: Mapping[str, Any], passages: Iterable[Sequence[str]]) -> None:
    """Write the index of passages, each given as its words; it appears complete or not at all.

    Where another process has put the same index there in the meantime, that one stays.

    Args:
        folder: where it will lie.
        made_of: all that decides what it holds, as JSON; whoever opens it must name the same.
        passages: read once.

    Raises:
        WriteError: the disk refuses a write.
    """
    try:
        with new_folder(folder) as made, TemporaryDirectory(dir=made) as rough:
            _write(made, Path(rough), made_of, passages)
    except WriteError:
        if not folder.exists():
            raise


def _write(folder: Path, rough: Path, made_of: Mapping[str, Any], passages: Iterable[Sequence[str]]) -> None:
    ends, tokens, largest = [0], 0, 0
    with PostingsFile(rough, "<i4") as runs, ArrayFile(folder / LENGTHS, "<i4") as lengths_file:
        for run, lengths in sorted_runs(passages):
            runs.append(run)
            ends.append(runs.words)
            lengths_file.append(lengths)
            tokens += int(lengths.sum())
            largest = max(largest, int(run.counts.max(initial=0)))
    with (
        PostingsFile(folder, np.min_scalar_type(largest).str) as merged,
        tqdm(total=runs.postings, unit="posting", unit_scale=True, desc="merge", leave=False, disable=None) as bar,
    ):
        for block in Runs(rough, runs, ends).merged():
            merged.append(block)
            bar.update(len(block.rows))
    manifest = {
        "format_version": FORMAT_VERSION,
        "made_of": dict(made_of),
        "passages": lengths_file.rows,
        "tokens": tokens,
        "words": merged.words,
        "word_bytes": merged.word_bytes,
        "postings": merged.postings,
        "largest_count": largest,
    }
    write_json(folder / MANIFEST, manifest)


def sorted_runs(passages: Iterable[Sequence[str]]) -> Iterator[tuple[Block, Integers]]:
    """The runs of passages that are given as their words, each with how many words its passages have."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    spelt, lengths, first = array("i"), array("i"), 0
    for words in passages:
        spelt.extend(map(numbers.__getitem__, words))
        lengths.append(len(words))
        if len(spelt) >= RUN_TOKENS:
            yield _run(list(numbers), np.array(spelt), np.array(lengths), first)
            first += len(lengths)
            numbers.clear()
            del spelt[:], lengths[:]
    yield _run(list(numbers), np.array(spelt), np.array(lengths), first)


def _run(words: Sequence[str], spelt: Integers, lengths: Integers, first: int) -> tuple[Block, Integers]:
    """The run of passages, the first of which has the row ``first``; ``spelt`` are places in ``words``."""
    order = sorted(range(len(words)), key=words.__getitem__)  # by code points, which is the order of UTF-8
    rank = np.empty(len(words), np.int64)
    rank[order] = np.arange(len(words))
    rows = np.repeat(np.arange(first, first + len(lengths)), lengths)
    pairs, counts = np.unique(rank[spelt] << 32 | rows, return_counts=True)
    starts = np.searchsorted(pairs, np.arange(len(words)) << 32)
    return Block([words[place].encode() for place in order], starts, pairs & 0xFFFFFFFF, counts), lengths
