"""The states of passages that were read or encoded of late."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock

import torch
from torch import Tensor

from glimmer.data.values import States

Fetch = Callable[[list[int]], tuple[Tensor, list[int]]]
"""Gives the states ``[N, D]`` of the passages in some rows, one after the other, and their lengths."""


@dataclass(frozen=True)
class CacheUse:
    """What a cache has done, and what it holds."""

    hits: int
    """Passages that were found."""
    misses: int
    """Passages that were not."""
    passages: int
    """Passages held."""
    bytes: int
    """Bytes of their states."""

    @property
    def hit_rate(self) -> float:
        """The share of passages that were found; 0 before the first."""
        return self.hits / max(1, self.hits + self.misses)


class PassageCache:
    """Passages' states, of ``most_bytes`` together at most; those not used for longest go first.

    A key stands for all that decides the states. Threads may share it. A passage that is larger than the whole cache is
    not kept.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._lock = Lock()
        self._held: OrderedDict[Hashable, Tensor] = OrderedDict()
        self._hits = self._misses = self._bytes = 0

    @property
    def use(self) -> CacheUse:
        """What it has done so far."""
        with self._lock:
            return CacheUse(self._hits, self._misses, len(self._held), self._bytes)

    def read(self, keys: Sequence[Hashable], fetch: Fetch) -> States:
        """The states ``[P, T, D]`` of the passages that the keys stand for, fetched where they are not held.

        Raises:
            Exception: whatever fetching them raised.
        """
        states = self.find(keys)
        missing = [row for row, found in enumerate(states) if found is None]
        held = [found for found in states if found is not None]
        packed, lengths = (held[0][:0], []) if held and not missing else fetch(missing)
        fetched = dict(zip(missing, torch.split(packed, lengths), strict=True))
        self.keep((keys[row], found) for row, found in fetched.items())
        all_states = [fetched[row] if found is None else found for row, found in enumerate(states)]
        return States.pad(all_states, packed.shape[1])

    def find(self, keys: Sequence[Hashable]) -> list[Tensor | None]:
        """The states ``[T, D]`` of every passage, not to be changed; None where they are not held."""
        with self._lock:
            found = [self._held.get(key) for key in keys]
            for key, states in zip(keys, found, strict=True):
                if states is None:
                    self._misses += 1
                else:
                    self._hits += 1
                    self._held.move_to_end(key)
            return found

    def keep(self, passages: Iterable[tuple[Hashable, Tensor]]) -> None:
        """Keep a copy of the states of every passage."""
        for key, states in passages:
            if states.nbytes > self.most_bytes:
                continue
            own = states.clone()  # a view would hold all that it is a part of
            with self._lock:
                before = self._held.pop(key, None)
                self._held[key] = own
                self._bytes += own.nbytes - (0 if before is None else before.nbytes)
                while self._bytes > self.most_bytes:
                    self._bytes -= self._held.popitem(last=False)[1].nbytes
