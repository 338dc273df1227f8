"""How BM25 grows with a collection: synthetic passages indexed, opened and searched.

``glimmer passages benchmark`` prints what this measures; no figure of it is asserted anywhere. Times are the
processor's, which others on the machine do not change.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from glimmer.analysis.growth import resident_bytes
from glimmer.analysis.tables import quantity, table
from glimmer.data.passages import index_passages, read_passages, write_passages
from glimmer.data.values import Passage
from glimmer.retrieval.bm25 import Bm25, Bm25Config

FIRST_RANK, LAST_RANK = 50, 1_000_000
"""Words are drawn by Zipf's law between these ranks; those before the first are a language's function words."""
PASSAGE_WORDS, QUERY_WORDS = 100, 8
RETRIEVED = 25
"""Passages of a search, as a question has them."""


@dataclass(frozen=True)
class SearchGrowth:
    """What searching a collection of some size costs."""

    passages: int
    build_s: float
    """Making the index of words, without that of the passage file."""
    index_bytes: int
    """Of both."""
    open_s: float
    """Opening both."""
    open_bytes: int
    """By how much the process grew when they were opened."""
    query_s: float
    """Median time of a search."""


def measure_search(folder: Path, passages: int, queries: int = 100) -> SearchGrowth:
    """Write passages into ``folder``, make their indexes, and open and search them."""
    file, cache = folder / "passages.jsonl", folder / "index"
    write_passages(file, _synthetic(passages))
    index_passages(file)
    start = time.process_time()
    _open(file, cache)
    build_s = time.process_time() - start
    before, start = resident_bytes(), time.process_time()
    retriever = _open(file, cache)
    open_s, open_bytes = time.process_time() - start, resident_bytes() - before
    draw = np.random.default_rng(1)
    times = [_timed(retriever, " ".join(_words(draw, QUERY_WORDS))) for _ in range(queries)]
    made = [path.stat().st_size for path in folder.rglob("*") if path.is_file() and path != file]
    return SearchGrowth(passages, build_s, sum(made), open_s, open_bytes, median(times))


def search_table(found: Sequence[SearchGrowth]) -> str:
    """A row a size."""
    header = ["passages", "built in s", "bytes", "opened in ms", "grown by", "search in ms"]
    rows = [
        [
            f"{growth.passages:,}",
            f"{growth.build_s:.1f}",
            f"{quantity(growth.index_bytes)}B",
            f"{1e3 * growth.open_s:.1f}",
            f"{quantity(growth.open_bytes)}B",
            f"{1e3 * growth.query_s:.1f}",
        ]
        for growth in found
    ]
    return table(header, rows)


def _open(file: Path, cache: Path) -> Bm25:
    retriever = Bm25(Bm25Config(name="bm25"), read_passages(file).passages, cache)
    assert retriever.index.passages == len(retriever.passages)
    return retriever


def _synthetic(passages: int) -> Iterator[Passage]:
    draw = np.random.default_rng(0)
    return (Passage(f"passage-{row}", "", " ".join(_words(draw, PASSAGE_WORDS))) for row in range(passages))


def _words(draw: np.random.Generator, count: int) -> list[str]:
    # Of a number that is uniform in its logarithm, the whole part has the probability of its rank by Zipf's law.
    ranks = FIRST_RANK * (LAST_RANK / FIRST_RANK) ** draw.random(count)
    return [f"w{int(rank)}" for rank in ranks]


def _timed(retriever: Bm25, query: str) -> float:
    start = time.process_time()
    retriever.retrieve([query], RETRIEVED)
    return time.process_time() - start
