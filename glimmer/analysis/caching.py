"""What a cache of decoded passages saves where some passages are asked for far more often than others.

``glimmer memory benchmark`` prints what this measures; no figure of it is asserted anywhere.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from glimmer.analysis.growth import GATHERED, Sizes
from glimmer.analysis.tables import quantity, table
from glimmer.memory import MemoryStore
from glimmer.memory.cache import CacheUse, PassageCache
from glimmer.memory.content import content_of
from glimmer.memory.stored import read_through

SHARES = (0.0, 1 / 16, 1 / 4)
"""Sizes of the caches, as shares of all passages' decoded states."""


@dataclass(frozen=True)
class CacheCost:
    """What gathering through a cache costs, and what the cache did."""

    budget: int
    """Bytes."""
    use: CacheUse
    gather_s: float
    """Median time of finding, gathering and decoding."""


def measure_cache(path: Path, sizes: Sizes, gathers: int = 200) -> list[CacheCost]:
    """Gather from the synthetic store ``path`` of ``sizes`` through caches of several sizes, in turn.

    The r-th passage is drawn with a probability of 1 / r of the first's (Zipf). The first half of the gathers fills
    the caches and is not timed.
    """
    store = MemoryStore(path)
    decoded = 4 * sizes.passages * sizes.tokens * sizes.width
    caches = [PassageCache(int(share * decoded)) for share in SHARES]
    times: list[list[float]] = [[] for _ in caches]
    weights = [1 / (row + 1) for row in range(sizes.passages)]
    draw = random.Random(0)
    for _ in range(2 * gathers):
        rows = draw.choices(range(sizes.passages), weights, k=GATHERED)
        ids, contents = [f"passage-{row}" for row in rows], [content_of([row]) for row in rows]
        for cache, taken in zip(caches, times, strict=True):
            start = time.perf_counter()
            read_through(cache, store, ids, contents)
            taken.append(time.perf_counter() - start)
    return [
        CacheCost(cache.most_bytes, cache.use, median(taken[gathers:]))
        for cache, taken in zip(caches, times, strict=True)
    ]


def cache_table(found: Sequence[CacheCost]) -> str:
    """A row a cache."""
    rows = [
        [
            f"{quantity(cost.budget)}B",
            f"{cost.use.hits:,}",
            f"{cost.use.misses:,}",
            f"{quantity(cost.use.bytes)}B",
            f"{1e3 * cost.gather_s:.2f}",
        ]
        for cost in found
    ]
    return table(["cache of", "hits", "misses", "held", "gather in ms"], rows)
