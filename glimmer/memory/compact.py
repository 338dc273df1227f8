"""Compaction: shards that updates have left mostly unreachable are copied without what is dead; nothing is encoded."""

from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glimmer.data.files import hash_all
from glimmer.memory.check import verify_files
from glimmer.memory.index import ROW_BITS, Live, live_rows
from glimmer.memory.layout import SHARDS
from glimmer.memory.store import MemoryStore
from glimmer.memory.writer import Plan, Stored, StoreWriter


@dataclass(frozen=True)
class Compaction:
    """What a compaction did."""

    shards: int
    """Shards that were replaced."""
    passages: int
    """Passages of theirs that were copied."""
    freed: int
    """Bytes of earlier generations that were removed."""


def compact_store(path: Path, dead_share: float) -> Compaction:
    """Copy what can be reached of every shard of whose stored tokens more than ``dead_share`` cannot, and publish that.

    The rows are copied as they are stored, into as few shards as hold them. The store is a new generation then, which
    readers find all at once; those that are open keep theirs. Stopped, the same call goes on from the last finished
    shard. Where no shard is that sparse, nothing is written. What is copied is compared with its checksums before.

    Raises:
        StoreError: there is no sound store, another process writes it, an update of it was begun and is not finished,
            or the disk refuses a write.
        OSError: a file cannot be read.
    """
    store = MemoryStore(path)
    content, infos = store.manifest, store.promised.shards
    names = [f"{SHARDS}/{info.file}" for info in infos]
    _verify(store, store.promised.files.keys() - names)
    rows = live_rows(store.index, np.ones(len(store), bool), [info.passages for info in infos])
    live = [Live(store.shard(number), reached) for number, reached in enumerate(rows)]
    dead = [1 - part.tokens / max(1, info.tokens) for part, info in zip(live, infos, strict=True)]
    sparse = [number for number, share in enumerate(dead) if share > dead_share]
    if not sparse:
        store.close()
        return Compaction(0, 0, 0)
    _verify(store, {names[number] for number in sparse})
    size, generation = content["shard_passages"], store.promised.generation + 1
    plan = Plan(store.codec, store.made_by, size, content["batch_size"], generation, command="memory compact")
    places = np.concatenate([(number << ROW_BITS) + np.flatnonzero(rows[number]) for number in sparse])
    with StoreWriter(path, plan) as writer:
        sources: list[str] = []
        for start in range(0, len(places), size):
            some = places[start : start + size]
            sources.append(hash_all([*(infos[number].blake2b for number in sparse), some.tobytes()]))
            if not writer.finished(len(sources) - 1, sources[-1]):
                first, _, _ = next(_stored(store, some))
                writer.copy(len(sources) - 1, first, sources[-1], _stored(store, some))
        stays = [(infos[number], part) for number, part in enumerate(live) if number not in sparse]
        writer.publish(sources, stays)
        store.close()
    return Compaction(len(sparse), len(places), writer.freed)


def _verify(store: MemoryStore, names: Set[str]) -> None:
    """Compare the checksums of some files, whose damage would get a checksum of its own otherwise."""
    files = {name: info for name, info in store.promised.files.items() if name in names}
    verify_files(store.path, replace(store.promised, files=files))


def _stored(store: MemoryStore, places: NDArray[np.int64]) -> Iterator[Stored]:
    """The passages at ``places``, as they are stored."""
    for place in places.tolist():
        number, row = divmod(place, 1 << ROW_BITS)
        shard = store.shard(number)
        start, stop = shard.offsets[row : row + 2].tolist()
        yield shard.passage_id(row), bytes(shard.contents[row]), shard.states[start:stop]
