"""Bring a store up to date with its passages: only what is new or has changed is encoded."""

from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glimmer.data.values import Passage
from glimmer.errors import StoreError
from glimmer.inference.codec import require_learned
from glimmer.inference.encode import reader_with_memory, write_shard
from glimmer.inference.progress import Progress
from glimmer.inference.run import LoadedRun
from glimmer.memory import MemoryStore
from glimmer.memory.content import content_of
from glimmer.memory.index import Live, live_rows
from glimmer.memory.layout import ShardInfo
from glimmer.memory.writer import Plan, StoreWriter


@dataclass(frozen=True)
class Changes:
    """What an update did, in passages."""

    kept: int
    encoded: int
    """New ones, and those whose tokens had changed."""
    dropped: int
    """Stored ones that are no more, or were encoded anew."""
    freed: int
    """Bytes of earlier generations that were removed."""


def update_store(
    run: LoadedRun, passages: Iterable[Passage], path: Path, *, batch_size: int | None = None, progress: bool = False
) -> Changes:
    """Make the store at ``path`` hold ``passages`` and nothing else, and publish it as a new generation at once.

    Shards are shared between generations; one of which nothing is left is dropped, and the states of single passages
    that are no more stay in theirs, unreachable. Readers that are open keep their generation. Stopped, the same call
    goes on from the last finished shard. ``batch_size`` is the one of the encoding where it is None.

    Raises:
        ConfigError: the run's model makes no memory.
        StoreError: there is no sound store, the run is not the one that encoded it, another process writes it, a
            passage id comes twice, or the disk refuses a write.
    """
    store = MemoryStore(path)
    reader = reader_with_memory(run)
    store.require(reader.memory_fingerprint())
    require_learned(store, reader.state_dict())
    old, content = store.promised, store.manifest
    size = content["shard_passages"]
    batch_size = batch_size or content["batch_size"]
    plan = Plan(store.codec, old.made_by, size, batch_size, old.generation + 1, command="memory update")
    kept = np.zeros(len(store), bool)
    total = len(passages) if isinstance(passages, Sized) else None
    with StoreWriter(path, plan) as writer, Progress(total, progress) as shown:
        changed = iter(_changed(run, passages, store, kept, shown))
        sources: list[str] = []
        encoded = 0
        while some := tuple(islice(changed, size)):
            sources.append(write_shard(run, writer, len(sources), some, shown))
            encoded += len(some)
        if encoded or not kept.all():
            writer.publish(sources, list(_live(store, kept)))
        else:
            writer.abandon()
        store.close()
    stays = int(kept.sum())
    return Changes(stays, encoded, len(kept) - stays, writer.freed)


def _changed(
    run: LoadedRun, passages: Iterable[Passage], store: MemoryStore, kept: NDArray[np.bool_], progress: Progress
) -> Iterator[Passage]:
    """The passages that the store does not hold as they are now; marks those that it does as ``kept``."""
    for passage in passages:
        position = store.find(passage.id)
        if position is None or store.content(position) != content_of(run.collator.encode_passage(passage)):
            yield passage
            continue
        if kept[position]:
            raise StoreError(f"the passage id {passage.id!r} occurs twice among the passages; ids must be unique")
        kept[position] = True
        progress.skip(1)


def _live(store: MemoryStore, kept: NDArray[np.bool_]) -> Iterator[tuple[ShardInfo, Live]]:
    """The shards of which something is kept, with what that is."""
    infos = store.promised.shards
    for number, rows in enumerate(live_rows(store.index, kept, [info.passages for info in infos])):
        if rows.any():
            yield infos[number], Live(store.shard(number), rows)
