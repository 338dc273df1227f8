"""How fast memory is gathered at random from a store, from files of other formats, and copied within memory.

``glimmer memory benchmark`` prints what this measures; no figure of it is asserted anywhere.
"""

import os
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from glimmer.analysis.growth import GATHERED, Sizes, timed
from glimmer.analysis.tables import table
from glimmer.memory import MemoryStore
from glimmer.memory.layout import SHARDS


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
                times[name].append(timed(partial(way, rows)))
    return {name: target.nbytes / median(seconds[gathers:]) for name, seconds in times.items()}


def formats_table(found: Mapping[str, float]) -> str:
    """A row a way to gather."""
    return table(["gathered from", "GB/s"], [[name, f"{rate / 1e9:.2f}"] for name, rate in found.items()])


def _gather(states: NDArray[np.uint8], target: NDArray[np.uint8], tokens: int, rows: Sequence[int]) -> None:
    for place, row in enumerate(rows):
        target[place * tokens : (place + 1) * tokens] = states[row : row + tokens]


def _pread(descriptor: int, target: NDArray[np.uint8], tokens: int, rows: Sequence[int]) -> None:
    for place, row in enumerate(rows):
        os.preadv(descriptor, [target[place * tokens : (place + 1) * tokens].data], row * target.shape[1])
