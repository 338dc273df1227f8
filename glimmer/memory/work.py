"""The folder ``work`` of a store, while a generation is written: what it is made by, and what of it is finished.

It holds ``plan.json``, ``records/`` of the finished shards, and ``codec/``, what the codec has learned. Whoever is
stopped goes on from there.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glimmer.data.files import read_json, write_json
from glimmer.data.folders import new_folder, remove_folder
from glimmer.errors import StoreError
from glimmer.memory.codecs.base import Arrays
from glimmer.memory.layout import CODEC, WORK, ShardInfo

PLAN, RECORDS = "plan.json", "records"


@dataclass(frozen=True)
class Record:
    """A shard that is finished."""

    info: ShardInfo
    source: str
    """Hash of all that it was made of."""


class Work:
    """What is known of the generation of a store that is being written."""

    def __init__(self, store: Path) -> None:
        self.path = store / WORK
        self.learned = self.path / CODEC
        """Folder of what the codec has learned, which is there once it has."""

    @property
    def generation(self) -> int:
        """The generation that was begun; 0 where none was."""
        plan = self.path / PLAN
        return int(_read_plan(plan)["generation"]) if plan.is_file() else 0

    @property
    def command(self) -> str:
        """The command of ``glimmer`` that began it."""
        return str(_read_plan(self.path / PLAN)["command"])

    def begin(self, command: str, content: Mapping[str, Any]) -> None:
        """Begin a generation that a command makes by ``content``, or go on with one that was begun so.

        Raises:
            StoreError: it was begun otherwise.
            WriteError: the disk refuses a write.
        """
        if self.path.is_dir() and self.generation != content["generation"]:
            self.discard()  # left by a writer that was stopped after its manifest was there
        plan, wanted = self.path / PLAN, {"command": command, **content}
        if not plan.is_file():
            write_json(plan, wanted)
        begun = _read_plan(plan)
        if different := [key for key in wanted if begun.get(key) != wanted[key]]:
            told = ", ".join(f"{key} ({begun.get(key)} against {wanted[key]})" for key in different)
            raise StoreError(
                f"{self.path.parent} was begun otherwise: {told}; go on as it was begun, or remove {self.path}"
            )
        (self.path / RECORDS).mkdir(exist_ok=True)

    def record(self, shard: int) -> Record | None:
        """The record of a shard, if it is finished."""
        file = self._record(shard)
        if not file.is_file():
            return None
        told = read_json(file, "the record of a finished shard")
        source = told.pop("source")
        return Record(ShardInfo(**told), source)

    def finish(self, shard: int, info: ShardInfo, source: str) -> None:
        """Record that a shard is there, made of what hashes to ``source``."""
        write_json(self._record(shard), asdict(info) | {"source": source})

    def forget(self, shard: int) -> None:
        """Remove the record of a shard that is written again."""
        self._record(shard).unlink(missing_ok=True)

    def has(self, shards: int) -> bool:
        """Whether so many shards, counted from 0, are all finished."""
        return all(self._record(shard).is_file() for shard in range(shards))

    def arrays(self) -> Arrays:
        """What the codec has learned."""
        return {file.stem: np.load(file) for file in sorted(self.learned.iterdir())}

    def learn(self, arrays: Arrays) -> None:
        """Keep what the codec has learned."""
        with new_folder(self.learned) as folder:
            for name, array in arrays.items():
                np.save(folder / f"{name}.npy", array)

    def discard(self) -> None:
        """Remove all of it at once."""
        if self.path.is_dir():
            remove_folder(self.path)

    def _record(self, shard: int) -> Path:
        return self.path / RECORDS / f"{shard:06}.json"


def _read_plan(file: Path) -> dict[str, Any]:
    return read_json(file, "what an unfinished store is made by")
