"""How fast memory is read back: a synthetic store of any size opened and gathered from at random, and other formats.

``glimmer memory benchmark`` prints what this measures; no figure of it is asserted anywhere.
"""

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from glimmer.analysis.tables import quantity, table
from glimmer.memory import CODECS, MemoryStore
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.layout import SHARDS
from glimmer.memory.writer import Encoded, Plan, StoreWriter

GATHERED = 25
"""Passages of one gather, as a question has them."""


@dataclass(frozen=True)
class Sizes:
    """The passages of a synthetic store, all of one length."""

    passages: int
    tokens: int
    width: int
    shard_passages: int = 1 << 16

    @property
    def bytes_per_passage(self) -> int:
        """In bfloat16."""
        return 2 * self.tokens * self.width


@dataclass(frozen=True)
class Growth:
    """What a store of some size costs."""

    sizes: Sizes
    write_s: float
    open_s: float
    open_bytes: int
    """By how much the process grew when the store was opened."""
    gather_s: float
    """Median time of finding, gathering and decoding."""


def write_synthetic(path: Path, sizes: Sizes) -> float:
    """Write random states through the codec raw in bfloat16; returns the seconds that it took."""
    start = time.perf_counter()
    codec = CODECS.build(CODECS.configure("raw"), width=sizes.width)
    plan = Plan(codec, Fingerprint("synthetic", "random", 1, "none"), sizes.shard_passages)
    states = torch.randn(1 << 10, sizes.tokens, sizes.width).bfloat16()

    def passages(first: int, stop: int) -> Iterator[Encoded]:
        for row in range(first, stop):
            yield f"passage-{row}", [row], states[row % len(states)]

    with StoreWriter(path, plan) as writer:
        starts = range(0, sizes.passages, sizes.shard_passages)
        for number, first in enumerate(starts):
            stop = min(sizes.passages, first + sizes.shard_passages)
            if not writer.finished(number, ""):
                writer.write(number, f"passage-{first}", "", passages(first, stop), lambda tokens, size: None)
        writer.publish([""] * len(starts))
    return time.perf_counter() - start


def measure_growth(path: Path, sizes: Sizes, gathers: int = 200) -> Growth:
    """Write a store and read from it."""
    write_s = write_synthetic(path, sizes)
    before, start = resident_bytes(), time.perf_counter()
    store = MemoryStore(path)
    open_s, open_bytes = time.perf_counter() - start, resident_bytes() - before
    draw = random.Random(0)
    times = [_timed(lambda: store.read(_drawn(draw, sizes.passages))) for _ in range(gathers)]
    return Growth(sizes, write_s, open_s, open_bytes, median(times))


def measure_formats(path: Path, sizes: Sizes, gathers: int = 200) -> dict[str, float]:
    """Bytes a second of gathering passages at random from a file that was read before, each way in turn.

    ``path`` is a store of ``sizes`` in one shard; the same states are written beside it in other formats. A copy
    within memory of as many bytes, and the same one of pieces as long as a passage, stand beside them.
    """
    store = MemoryStore(path)
    shard = path / SHARDS / store.promised.shards[0].file
    states = store.shard(0).states
    npy, plain = path.with_suffix(".npy"), path.with_suffix(".bin")
    np.save(npy, states)
    states.tofile(plain)
    target = np.empty((GATHERED * sizes.tokens, states.shape[1]), np.uint8)
    held = np.array(states)
    with safe_open(shard, framework="pt") as opened, plain.open("rb") as file:
        part, descriptor = opened.get_slice("states"), file.fileno()
        mapped = {
            "safetensors, mapped (the store)": states,
            "npy, mapped": np.load(npy, mmap_mode="r"),
            "plain bytes, mapped": np.memmap(plain, np.uint8, "r", shape=states.shape),
            "pieces within memory": held,
        }
        ways: dict[str, Callable[[Sequence[int]], object]] = {
            name: partial(_gather, array, target, sizes.tokens) for name, array in mapped.items()
        }
        ways["safetensors, get_slice"] = lambda rows: torch.cat([part[row : row + sizes.tokens] for row in rows])
        ways["plain bytes, pread"] = partial(_pread, descriptor, target, sizes.tokens)
        ways["one copy within memory"] = lambda rows: np.copyto(target, held[: len(target)])
        draw = random.Random(0)
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(2 * gathers):  # the first half brings pages into this process
            rows = [draw.randrange(sizes.passages) * sizes.tokens for _ in range(GATHERED)]
            for name, way in ways.items():
                times[name].append(_timed(partial(way, rows)))
    return {name: target.nbytes / median(seconds[gathers:]) for name, seconds in times.items()}


def growth_table(found: Sequence[Growth]) -> str:
    """A row a size."""
    header = ["passages", "bytes", "written in s", "opened in ms", "grown by", "gather in ms"]
    rows = [
        [
            f"{growth.sizes.passages:,}",
            f"{quantity(growth.sizes.passages * growth.sizes.bytes_per_passage)}B",
            f"{growth.write_s:.1f}",
            f"{1e3 * growth.open_s:.1f}",
            f"{quantity(growth.open_bytes)}B",
            f"{1e3 * growth.gather_s:.2f}",
        ]
        for growth in found
    ]
    return table(header, rows)


def formats_table(found: Mapping[str, float]) -> str:
    """A row a way to gather."""
    return table(["gathered from", "GB/s"], [[name, f"{rate / 1e9:.2f}"] for name, rate in found.items()])


def _gather(states: NDArray[np.uint8], target: NDArray[np.uint8], tokens: int, rows: Sequence[int]) -> None:
    for place, row in enumerate(rows):
        target[place * tokens : (place + 1) * tokens] = states[row : row + tokens]


def _pread(descriptor: int, target: NDArray[np.uint8], tokens: int, rows: Sequence[int]) -> None:
    for place, row in enumerate(rows):
        os.preadv(descriptor, [target[place * tokens : (place + 1) * tokens].data], row * target.shape[1])


def resident_bytes() -> int:
    """What the process holds of the machine's memory (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def _drawn(draw: random.Random, passages: int) -> list[str]:
    return [f"passage-{draw.randrange(passages)}" for _ in range(GATHERED)]


def _timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
