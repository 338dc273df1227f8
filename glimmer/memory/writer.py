"""Writing a generation of a store: shards one by one, each for good once it is there, and at last the manifest.

While it is written, the folder ``work`` holds ``plan.json``, what the generation is made by, and a record of every
finished shard. Whoever is stopped goes on from there, and several processes can write different shards of one
generation.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from torch import Tensor

from glimmer.data.files import new_folder, read_json, write_json
from glimmer.errors import DataError, StoreError
from glimmer.memory.codecs import Codec
from glimmer.memory.content import content_of
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.index import Live, write_index
from glimmer.memory.layout import (
    CODEC,
    FORMAT_VERSION,
    MANIFEST,
    OWN_NAME,
    SHARDS,
    WORK,
    Rows,
    ShardInfo,
    file_info,
    index_name,
    shard_name,
)
from glimmer.memory.locks import part_lock, publish_lock, writer_lock
from glimmer.memory.manifest import read_manifest
from glimmer.memory.shard import Shard, ShardWriter

PLAN, RECORDS = "plan.json", "records"

Encoded = tuple[str, Sequence[int], Tensor]
"""Id, token ids and states ``[T, D]``."""


@dataclass(frozen=True)
class Share:
    """The shards that one of several writers makes: every ``of``-th, from the ``number``-th on, counted from 1."""

    number: int = 1
    of: int = 1

    def __str__(self) -> str:
        return f"{self.number}-of-{self.of}"

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
        self._work = path / WORK
        self._locks = ExitStack()

    def __enter__(self) -> Self:
        """Begin, or go on with what was begun by the same plan.

        Raises:
            StoreError: there is a store already, another process writes it, or it was begun by another plan.
        """
        alone = self.share.of == 1
        self._refuse_finished()
        with ExitStack() as held, self.kept():
            self.path.mkdir(parents=True, exist_ok=True)
            held.enter_context(writer_lock(self.path, shared=not alone))
            self._refuse_finished()
            self._begin(alone)
            if not alone:
                held.enter_context(part_lock(self._work, str(self.share)))
            self._locks = held.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._locks.close()

    def learn(self, fit: Callable[[], None]) -> None:
        """Keep what the codec has learned; what it has still to learn, ``fit`` teaches it.

        That is done once for all writers and however often they are stopped.

        Raises:
            StoreError: the store was begun with something else than the codec has learned.
        """
        folder, codec = self._work / CODEC, self.plan.codec
        with publish_lock(self.path), self.kept():
            if folder.is_dir():
                kept = {file.stem: np.load(file) for file in sorted(folder.iterdir())}
                for name, array in codec.arrays().items():
                    if name not in kept or not np.array_equal(array, kept[name]):
                        raise StoreError(
                            f"{self.path} was begun with other {name} than this run has learned; go on with the run "
                            f"that began it, or remove {self._work}"
                        )
                codec.load(kept)
                return
            if codec.sample:
                fit()
            with new_folder(folder) as new:
                for name, array in codec.arrays().items():
                    np.save(new / f"{name}.npy", array)

    def finished(self, number: int, source: str) -> bool:
        """Whether the shard is there, made of the passages that hash to ``source``."""
        record = self._record(number)
        if not record.is_file():
            return False
        told = read_json(record, "the record of a finished shard")
        file = self.path / SHARDS / told["file"]
        return bool(told.pop("source") == source and file.is_file() and file.stat().st_size == told["bytes"])

    def write(
        self, number: int, first: str, source: str, passages: Iterable[Encoded], done: Callable[[int, int], Any]
    ) -> None:
        """Write one shard of ``passages``; ``done`` is told the tokens and the bytes of each.

        Raises:
            StoreError: the disk refuses a write; finished shards are kept.
        """
        self._record(number).unlink(missing_ok=True)
        file = self.path / SHARDS / shard_name(self.plan.generation, number)
        with self.kept():
            with ShardWriter(file, self.rows, first) as shard:
                for passage_id, tokens, states in passages:
                    rows = self.plan.codec.encode(states.detach().cpu())
                    shard.append(passage_id, content_of(tokens), rows)
                    done(len(tokens), rows.numel() * rows.itemsize)
            write_json(self._record(number), asdict(shard.info) | {"source": source})

    def publish(self, shards: int, kept: Sequence[tuple[ShardInfo, Live]] = ()) -> bool:
        """Make the generation the store's, once all of its new ``shards`` are there; otherwise returns False.

        ``kept`` are shards of the generation before, with what of them stays.

        Raises:
            StoreError: an id occurs twice, or the disk refuses a write; finished shards are kept.
        """
        with publish_lock(self.path), self.kept():
            if self._is_published():
                return True
            records = [self._record(number) for number in range(shards)]
            if not all(record.is_file() for record in records):
                return False
            infos = [_shard_info(record) for record in records]
            new = [(info, Live(Shard(self.path / SHARDS / info.file, self.rows, info))) for info in infos]
            self._publish([*kept, *new])
            shutil.rmtree(self._work)
            self._remove_unfinished({info.file for info in infos})
            return True

    def abandon(self) -> None:
        """Leave the store as it was: there is nothing to write."""
        with self.kept():
            shutil.rmtree(self._work)
            self._remove_unfinished(set())

    def _publish(self, parts: Sequence[tuple[ShardInfo, Live]]) -> None:
        infos, live = [info for info, _ in parts], [live for _, live in parts]
        index = self.path / index_name(self.plan.generation)
        shutil.rmtree(index, ignore_errors=True)  # of a writer that was stopped before its manifest was there
        with new_folder(index) as folder:
            write_index(folder, live, lambda number: f"{SHARDS}/{infos[number].file}")
        if (self._work / CODEC).is_dir():
            shutil.rmtree(self.path / CODEC, ignore_errors=True)
            with new_folder(self.path / CODEC) as folder:
                shutil.copytree(self._work / CODEC, folder, dirs_exist_ok=True)
        folders = [folder for folder in (self.path / CODEC, index) if folder.is_dir()]
        files = [file for folder in folders for file in sorted(folder.iterdir())]
        content = {
            **self.plan.content(),
            "passages": sum(part.passages for part in live),
            "tokens": sum(part.tokens for part in live),
            "files": {str(file.relative_to(self.path)): asdict(file_info(file)) for file in files},
            "shards": [asdict(info) for info in infos],
        }
        write_json(self.path / MANIFEST, content)

    def _is_published(self) -> bool:
        return (self.path / MANIFEST).is_file() and read_manifest(self.path).generation >= self.plan.generation

    def _refuse_finished(self) -> None:
        if not self.path.exists() and not self.path.is_symlink():
            return
        if (self.path / MANIFEST).is_file():
            if self._is_published():
                raise StoreError(
                    f"{self.path} exists already; bring it up to date with `glimmer memory update`, or choose another"
                )
        elif not self.path.is_dir() or any(_is_foreign(file) for file in self.path.iterdir()):
            raise StoreError(f"{self.path} exists already and is no memory store; choose another folder for it")

    def _begin(self, alone: bool) -> None:
        plan, content = self._work / PLAN, self.plan.content()
        if plan.is_file():
            begun = read_json(plan, "what an unfinished store is made by")
            if begun.get("generation") != self.plan.generation:
                shutil.rmtree(self._work)  # left by a writer that was stopped after its manifest was there
            elif different := [key for key in content if begun.get(key) != content[key]]:
                told = ", ".join(f"{key} ({begun.get(key)} against {content[key]})" for key in different)
                raise StoreError(
                    f"{self.path} was begun otherwise: {told}; go on as it was begun, or remove {self._work}"
                )
        for folder in (self.path / SHARDS, self._work / RECORDS):
            folder.mkdir(parents=True, exist_ok=True)
        if not plan.is_file():
            write_json(plan, content)
        if alone:
            self._remove_unfinished(None)

    def _remove_unfinished(self, made: set[str] | None) -> None:
        """Remove what stopped writers left; of this generation also what is not among ``made``, if given."""
        for file in (self.path / SHARDS).iterdir():
            own = file.name.startswith(f"{self.plan.generation:05}-")
            if file.name.startswith(".") or (made is not None and own and file.name not in made):
                file.unlink(missing_ok=True)

    def _record(self, number: int) -> Path:
        return self._work / RECORDS / f"{number:06}.json"

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Say in one line what the disk refuses, and that nothing finished is lost.

        Raises:
            StoreError: names the store and the reason.
        """
        try:
            yield
        except (OSError, DataError) as error:
            reason = error if isinstance(error, DataError) else f"cannot be written: {error.strerror or error}"
            where = "" if isinstance(error, DataError) else f"{error.filename or self.path}: "
            raise StoreError(
                f"{where}{reason}; finished shards are kept: make room and give the same command again to go on"
            ) from None


def _is_foreign(file: Path) -> bool:
    """Whether no unfinished store has such a file; hidden ones are left by writers that were killed."""
    return not file.name.startswith(".") and OWN_NAME.fullmatch(file.name) is None


def _shard_info(record: Path) -> ShardInfo:
    told = read_json(record, "the record of a finished shard")
    del told["source"]
    return ShardInfo(**told)


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
        writer.publish(min(1, len(given)))
