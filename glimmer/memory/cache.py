"""Passages that were read from a store of late, kept decoded."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock

import torch
from torch import Tensor

from glimmer.data.values import States
from glimmer.memory.store import MemoryStore

Key = tuple[str, bytes]
"""A passage's id, and the hash of its token ids (``glimmer.memory.content``)."""


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
    """A store's passages and their states, of ``most_bytes`` together at most; those not used for longest go first.

    Threads may share it. A passage that is larger than the whole cache is not kept.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._lock = Lock()
        self._held: OrderedDict[Key, Tensor] = OrderedDict()
        self._hits = self._misses = self._bytes = 0

    @property
    def use(self) -> CacheUse:
        """What it has done so far."""
        with self._lock:
            return CacheUse(self._hits, self._misses, len(self._held), self._bytes)

    def read(self, store: MemoryStore, ids: Sequence[str], contents: Sequence[bytes]) -> States:
        """What ``store.read`` gives, of the same store every time; what is held is not read again.

        Raises:
            StoreError: see ``MemoryStore.read_packed``.
        """
        keys = list(zip(ids, contents, strict=True))
        states = self.find(keys)
        missing = [row for row, found in enumerate(states) if found is None]
        rows, lengths = store.read_packed([ids[row] for row in missing], [contents[row] for row in missing])
        read = dict(zip(missing, torch.split(rows, lengths), strict=True))
        self.keep((keys[row], found) for row, found in read.items())
        return States.pad([read[row] if found is None else found for row, found in enumerate(states)], rows.shape[1])

    def find(self, keys: Sequence[Key]) -> list[Tensor | None]:
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

    def keep(self, passages: Iterable[tuple[Key, Tensor]]) -> None:
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
