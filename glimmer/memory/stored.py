"""Memory that is read from a store (LUMEN; GLIMMER at inference)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from glimmer.data.values import Batch, States, Tokens
from glimmer.memory.base import Encode, Memory, register_memory
from glimmer.memory.cache import PassageCache
from glimmer.memory.codecs import Codec
from glimmer.memory.content import contents_of
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.online import freeze
from glimmer.memory.prefetch import Prefetcher
from glimmer.memory.store import MemoryStore
from glimmer.options import option
from glimmer.registry import ComponentConfig

Wanted = tuple[tuple[str, ...], tuple[bytes, ...]]
"""The ids of P passages, and the hashes of their token ids."""


@dataclass(kw_only=True)
class StoredConfig(ComponentConfig):
    """Options of stored memory."""

    path: str = option("", "Folder of the store, made by `glimmer encode`")
    verify: bool = option(False, "Compare all checksums when the store is opened, which reads the whole of it once")
    prefetch: int = option(
        1, "Batches that training has read and decoded ahead, by a thread of its own; 0 = none", least=0
    )
    cache_bytes: int = option(
        0, "Bytes of decoded states that are kept of the passages read last, for those that come often", least=0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.path != "", "path", "the folder of a store made by `glimmer encode`")


@register_memory("stored", StoredConfig)
class StoredMemory(Memory):
    """Read memories back; the encoder runs on questions alone."""

    def __init__(self, config: StoredConfig, text_fingerprint: str) -> None:
        super().__init__(config, text_fingerprint)
        self.store = MemoryStore(Path(config.path), config.verify)
        self.cache = PassageCache(config.cache_bytes) if config.cache_bytes else None
        self.ahead = config.prefetch
        self._prefetcher = Prefetcher(self._read, config.prefetch)
        self._fingerprint: Callable[[], Fingerprint]
        self._trusted = False

    def prepare(self, modules: Sequence[nn.Module], fingerprint: Callable[[], Fingerprint]) -> None:
        """Freeze what decides the memory: a stored memory cannot follow it."""
        self._fingerprint = fingerprint
        freeze(modules)

    def check(self) -> None:
        """Compare fingerprints, once.

        Raises:
            StoreError: the store was made by another encoder.
        """
        if not self._trusted:
            self.store.require(self._fingerprint())
            self._trusted = True

    def expect(self, batches: Sequence[Batch]) -> None:
        """Read the first of the passages' memories ahead."""
        self._prefetcher.expect(_wanted(batch.passages, batch.passage_ids) for batch in batches)

    def codec(self) -> Codec:
        """The store's own: what it gives back is what the reader has learned to read."""
        return self.store.codec

    def forward(self, encode: Encode, passages: Tokens, passage_ids: tuple[str, ...]) -> States:
        """Read ``[P, T, D]``, where ``check`` finds no fault.

        Raises:
            StoreError: a passage is not in the store, or other tokens than it has now were encoded.
        """
        self.check()
        states = self._prefetcher.take(_wanted(passages, passage_ids))
        device = passages.ids.device
        return States(states.values.to(device), states.mask.to(device))

    def _read(self, wanted: Wanted) -> States:
        """Read ``[P, T, D]``, from the store or the cache; in any thread."""
        if self.cache is None:
            return self.store.read(*wanted)
        return read_through(self.cache, self.store, *wanted)


def read_through(cache: PassageCache, store: MemoryStore, ids: Sequence[str], contents: Sequence[bytes]) -> States:
    """What ``store.read`` gives, ``[P, T, D]``, of the same store every time; what the cache holds is not read again.

    Raises:
        StoreError: see ``MemoryStore.read_packed``.
    """
    return cache.read(
        list(zip(ids, contents, strict=True)),
        lambda rows: store.read_packed([ids[row] for row in rows], [contents[row] for row in rows]),
    )


def _wanted(passages: Tokens, passage_ids: tuple[str, ...]) -> Wanted:
    return passage_ids, tuple(contents_of(passages))
