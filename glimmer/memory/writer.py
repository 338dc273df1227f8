"""Writing a generation of a store: shards one by one, each for good once it is there, and at last the manifest.

Whoever is stopped goes on with what is not finished, and several processes can write different shards of one
generation.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimmer.errors import StoreError, WriteError
from glimmer.memory.check import check_vacant
from glimmer.memory.codecs import Codec
from glimmer.memory.content import content_of
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.index import Live
from glimmer.memory.layout import FORMAT_VERSION, LOCK, SHARDS, Rows, ShardInfo, number_of, shard_name
from glimmer.memory.locks import part_lock, publish_lock, unless_held, writer_lock
from glimmer.memory.manifest import current_generation
from glimmer.memory.prune import prune, remove_leftovers, unfinished
from glimmer.memory.publish import publish_generation
from glimmer.memory.shard import Shard, ShardWriter
from glimmer.memory.work import Work

Encoded = tuple[str, Sequence[int], Tensor]
"""Id, token ids and states ``[T, D]``."""
Stored = tuple[str, bytes, NDArray[np.uint8]]
"""Id, content hash and rows ``[T, bytes of a token]``."""


@dataclass(frozen=True)
class Share:
    """The shards that one of several writers makes: every ``of``-th, from the ``number``-th on, counted from 1."""

    number: int = 1
    of: int = 1
    together: bool = False
    """Whether one command writes all shares: one that comes after the others have completed the store is done."""

    def has(self, shard: int) -> bool:
        """Whether a shard, counted from 0, is among them."""
        return shard % self.of == self.number - 1


@dataclass(frozen=True)
class Plan:
    """What decides the bytes of a generation, beside the passages."""

    codec: Codec
    made_by: Fingerprint
    shard_passages: int
    """Passages whose states are written into one shard."""
    batch_size: int = 0
    """Passages that are encoded at once; it changes states by rounding, so an interrupted write goes on with it."""
    generation: int = 1
    command: str = "encode"
    """Which command of ``glimmer`` makes it, and can go on with it."""

    def content(self) -> dict[str, Any]:
        """As plain types."""
        rows = Rows.of(self.codec, self.made_by)
        return {
            "format_version": FORMAT_VERSION,
            "generation": self.generation,
            "fingerprint": asdict(self.made_by),
            "codec": asdict(self.codec.config),
            "element": rows.element,
            "columns": rows.columns,
            "width": self.codec.width,
            "shard_passages": self.shard_passages,
            "batch_size": self.batch_size,
        }


class StoreWriter:
    """Context manager that writes a generation, or a share of it, and holds the store against other writers."""

    def __init__(self, path: Path, plan: Plan, share: Share | None = None) -> None:
        self.path, self.plan, self.share = path, plan, share or Share()
        self.rows = Rows.of(plan.codec, plan.made_by)
        self.freed = 0
        """Bytes of earlier generations that were removed, once the block has ended."""
        self._work = Work(path)
        self._locks = ExitStack()
        self._settled = False
        """Whether nothing is left to write."""

    def __enter__(self) -> Self:
        """Begin, or go on with what was begun by the same plan.

        Raises:
            StoreError: there is a store already, another process writes it, or it was begun by another plan.
        """
        alone = self.share.of == 1
        self._check_vacant()
        with ExitStack() as held, self._kept():
            self.path.mkdir(parents=True, exist_ok=True)
            held.enter_context(writer_lock(self.path, shared=not alone))
            self._check_vacant()
            self._settled = self.published
            if not self._settled:
                self._begin(held)
            self._locks = held.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._locks.close()
        if self._settled and kind is None:
            self._clean()

    @property
    def published(self) -> bool:
        """Whether readers find the generation."""
        return current_generation(self.path) >= self.plan.generation

    def learn(self, fit: Callable[[], None]) -> None:
        """Keep what the codec has learned; what it has still to learn, ``fit`` teaches it.

        That is done once for all writers and however often they are stopped.

        Raises:
            StoreError: the store was begun with something else than the codec has learned.
        """
        codec = self.plan.codec
        with self._kept(), publish_lock(self.path):
            if not self._work.learned.is_dir():
                if codec.sample:
                    fit()
                self._work.learn(codec.arrays())
                return
            kept = self._work.arrays()
            for name, array in codec.arrays().items():
                if name not in kept or not np.array_equal(array, kept[name]):
                    raise StoreError(
                        f"{self.path} was begun with other {name} than this run has learned; go on with the run "
                        f"that began it, or remove {self._work.path}"
                    )
            codec.load(kept)

    def finished(self, number: int, source: str) -> bool:
        """Whether the shard is there, made of what hashes to ``source``."""
        record = self._work.record(number)
        if record is None or record.source != source:
            return False
        file = self.path / SHARDS / record.info.file
        return file.is_file() and file.stat().st_size == record.info.bytes

    def write(
        self, number: int, first: str, source: str, passages: Iterable[Encoded], done: Callable[[int, int], Any]
    ) -> None:
        """Write one shard of ``passages``; ``done`` is told the tokens and the bytes of each.

        Raises:
            StoreError: the disk refuses a write, where finished shards are kept; or the store was completed meanwhile.
        """

        def stored() -> Iterator[Stored]:
            for passage_id, tokens, states in passages:
                coded = self.plan.codec.encode(states.detach().cpu(), torch.tensor(tokens, dtype=torch.long))
                rows = coded.contiguous().view(torch.uint8).numpy()
                yield passage_id, content_of(tokens), rows
                done(len(tokens), rows.nbytes)

        self.copy(number, first, source, stored())

    def copy(self, number: int, first: str, source: str, passages: Iterable[Stored]) -> None:
        """Write one shard of ``passages`` that the codec has encoded before.

        Raises:
            StoreError: the disk refuses a write, where finished shards are kept; or the store was completed meanwhile.
        """
        with self._kept(), publish_lock(self.path):
            if self.published:
                raise StoreError(
                    f"{self.path} was completed by another process meanwhile, of other passages than this one has; "
                    "bring it up to date with `glimmer memory update`"
                )
            self._work.forget(number)
        with self._kept():
            file = self.path / SHARDS / shard_name(self.plan.generation, number)
            with ShardWriter(file, self.rows, first) as shard:
                for passage in passages:
                    shard.append(*passage)
            self._work.finish(number, shard.info, source)

    def has(self, shards: int) -> bool:
        """Whether so many shards are all there, of whatever they were made."""
        return self._work.has(shards)

    def publish(self, sources: Sequence[str], kept: Sequence[tuple[ShardInfo, Live]] = ()) -> bool:
        """Make the generation the store's, once all of its new shards are there; otherwise returns False.

        There is one for each of ``sources``, made of what hashes to it. ``kept`` are shards of the generation before,
        with what of them stays.

        Raises:
            StoreError: an id occurs twice, or the disk refuses a write; finished shards are kept.
        """
        with self._kept(), publish_lock(self.path):
            if not self.published:
                records = [self._work.record(number) for number in range(len(sources))]
                infos = [
                    record.info
                    for record, source in zip(records, sources, strict=True)
                    if record is not None and record.source == source
                ]
                if len(infos) < len(sources):
                    return False
                new = [(info, Live(Shard(self.path / SHARDS / info.file, self.rows, info))) for info in infos]
                publish_generation(self.path, self.plan.content(), [*kept, *new], self._work.learned)
        self._settled = True
        return True

    def abandon(self) -> None:
        """Leave the store as it was: there is nothing to write."""
        with self._kept():
            self._work.discard()
        self._settled = True

    def _check_vacant(self) -> None:
        check_vacant(self.path, self.plan.generation if self.share.together else self.plan.generation - 1)

    def _begin(self, held: ExitStack) -> None:
        (self.path / SHARDS).mkdir(exist_ok=True)
        if self.share.of == 1:
            remove_leftovers(self.path, self.plan.generation - 1)
        with publish_lock(self.path):
            self._work.begin(self.plan.command, self.plan.content())
        if self.share.of > 1:
            held.enter_context(part_lock(self._work.path, self.share.number, self.share.of))
            for file in unfinished(self.path):
                if file.parent.name == SHARDS and self.share.has(number_of(file.name.removeprefix("."))):
                    file.unlink()

    def _clean(self) -> None:
        """Remove what the store needs no more, unless others are still at work: the last one does."""
        try:
            with unless_held(self.path / LOCK) as alone:
                if alone:
                    self.freed = prune(self.path)
        except OSError as error:
            raise StoreError(
                f"{self.path} is complete, but {error.filename}, which it needs no more, cannot be removed: "
                f"{error.strerror or error}; the next `glimmer memory update` removes it"
            ) from None

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Say in one line what the disk refuses, and that nothing finished is lost.

        Raises:
            StoreError: names the store and the reason.
        """
        try:
            yield
        except (OSError, WriteError) as error:
            reason = str(error)
            if isinstance(error, OSError):
                reason = f"{error.filename or self.path}: cannot be written: {error.strerror or error}"
            raise StoreError(
                f"{reason}; finished shards are kept: make room and give the same command again to go on"
            ) from None


def write_store(path: Path, passages: Iterable[Encoded], codec: Codec, made_by: Fingerprint) -> None:
    """Write a store of one shard, of passages whose states are there already, by a codec that has nothing to learn.

    Raises:
        StoreError: ``path`` exists already, an id comes twice, or the disk refuses a write.
    """
    given = list(passages)
    plan = Plan(codec, made_by, shard_passages=max(1, len(given)))
    with StoreWriter(path, plan) as writer:
        if codec.arrays():
            writer.learn(lambda: None)
        if given:
            writer.write(0, given[0][0], "", given, lambda tokens, size: None)
        writer.publish([""] if given else [])
