"""How a store's costs grow with its size: synthetic stores are written, opened and read from at random.

``glimmer memory benchmark`` prints what this measures; no figure of it is asserted anywhere.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import torch

from glimmer.analysis.tables import quantity, table
from glimmer.memory import CODECS, MemoryStore
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.writer import Encoded, Plan, StoreWriter

GATHERED = 25
"""Passages of one gather, as a question has them."""
SYNTHETIC = Fingerprint("synthetic", "random", 1, "none")
"""Of stores that no encoder has made."""
OPENED = 5
"""How often a store is opened to measure how long that takes."""


@dataclass(frozen=True)
class Sizes:
    """The passages of a synthetic store, all of one length."""

    passages: int
    tokens: int
    width: int
    shard_passages: int = 1 << 16

    @property
    def bytes(self) -> int:
        """Of all states, in bfloat16."""
        return 2 * self.passages * self.tokens * self.width


@dataclass(frozen=True)
class Reading:
    """What it costs to read from a store."""

    open_s: float
    """Median time of opening."""
    open_bytes: int
    """By how much the process grew when the store was opened first."""
    gather_s: float
    """Median time of finding, gathering and decoding."""
    gather_bytes: int
    """By how much the process has grown since before the store was opened, mapped pages that were read included."""


@dataclass(frozen=True)
class Growth:
    """What a store of some size costs."""

    sizes: Sizes
    write_s: float
    write_processor_s: float
    """Processor time of the same, which neither the disk nor others prolong."""
    reading: Reading

    def content(self) -> dict[str, Any]:
        """As plain types."""
        return {
            "passages": self.sizes.passages,
            "bytes": self.sizes.bytes,
            "write_s_per_1000": 1e3 * self.write_s / self.sizes.passages,
            "write_processor_s_per_1000": 1e3 * self.write_processor_s / self.sizes.passages,
            "open_ms": 1e3 * self.reading.open_s,
            "open_rss_bytes": self.reading.open_bytes,
            "gather_ms": 1e3 * self.reading.gather_s,
            "gather_rss_bytes": self.reading.gather_bytes,
        }


def write_synthetic(path: Path, sizes: Sizes) -> None:
    """Write random states through the codec raw in bfloat16."""
    codec = CODECS.build(CODECS.configure("raw"), width=sizes.width)
    plan = Plan(codec, SYNTHETIC, sizes.shard_passages)
    states = torch.randn(1 << 10, sizes.tokens, sizes.width).bfloat16()

    def passages(first: int, stop: int) -> Iterator[Encoded]:
        for row in range(first, stop):
            yield f"passage-{row}", [row], states[row % len(states)]

    with StoreWriter(path, plan) as writer:
        starts = range(0, sizes.passages, sizes.shard_passages)
        for number, first in enumerate(starts):
            stop = min(sizes.passages, first + sizes.shard_passages)
            writer.write(number, f"passage-{first}", "", passages(first, stop), lambda tokens, size: None)
        writer.publish([""] * len(starts))


def measure_growth(path: Path, sizes: Sizes, gathers: int = 200) -> Growth:
    """Write a store, and read from it in a new process, whose memory tells what reading takes."""
    before = time.process_time()
    write_s = timed(lambda: write_synthetic(path, sizes))
    write_processor_s = time.process_time() - before
    with get_context("spawn").Pool(1) as pool:
        reading = pool.apply(measure_reading, (path, sizes.passages, gathers))
    return Growth(sizes, write_s, write_processor_s, reading)


def measure_reading(path: Path, passages: int, gathers: int) -> Reading:
    """Open a synthetic store of so many passages, and gather from it at random."""
    MemoryStore(path).read(["passage-0"])  # what is loaded once is not the store's
    before = resident_bytes()
    store = MemoryStore(path)
    open_bytes = resident_bytes() - before
    open_s = median(timed(lambda: MemoryStore(path)) for _ in range(OPENED))
    draw = random.Random(0)
    times = [timed(lambda: store.read(drawn(draw, passages))) for _ in range(gathers)]
    return Reading(open_s, open_bytes, median(times), resident_bytes() - before)


def growth_table(found: Sequence[Growth]) -> str:
    """A row a size."""
    header = [
        "passages",
        "states",
        "written in s",
        "a thousand in s",
        "of the processor",
        "opened in ms",
        "RSS",
        "gather in ms",
        "RSS",
    ]
    return table(header, [_row(growth, growth.content()) for growth in found])


def _row(growth: Growth, content: Mapping[str, Any]) -> list[str]:
    return [
        f"{content['passages']:,}",
        f"{quantity(content['bytes'])}B",
        f"{growth.write_s:.1f}",
        f"{content['write_s_per_1000']:.3f}",
        f"{content['write_processor_s_per_1000']:.3f}",
        f"{content['open_ms']:.1f}",
        f"{quantity(content['open_rss_bytes'])}B",
        f"{content['gather_ms']:.2f}",
        f"{quantity(content['gather_rss_bytes'])}B",
    ]


def resident_bytes() -> int:
    """What the process holds of the machine's memory (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def timed(work: Callable[[], object]) -> float:
    """The seconds that ``work`` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def drawn(draw: random.Random, passages: int) -> list[str]:
    """The ids of a question's passages, drawn at random from a synthetic store of so many."""
    return [f"passage-{draw.randrange(passages)}" for _ in range(GATHERED)]
