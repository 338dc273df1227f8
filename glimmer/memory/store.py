"""A memory store opened for reading; its files are described in docs/memory_store.md.

Nothing of it is held in memory: index and shards are mapped, so that opening and finding cost the same for any size.

Legend: P passages, N stored tokens of all of them, T of the longest, D width.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glimmer.data.values import States
from glimmer.errors import StoreError
from glimmer.memory.check import check_files, verify_files
from glimmer.memory.codecs import Codec
from glimmer.memory.codecs.base import Arrays
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.index import Index
from glimmer.memory.layout import CODEC, KEYS, SHARDS, index_name
from glimmer.memory.locks import Reading
from glimmer.memory.manifest import Manifest, damaged, read_manifest
from glimmer.memory.shard import Shard


class MemoryStore:
    """One generation of a store; it stays as it is while the store is updated."""

    def __init__(self, path: Path, verify: bool = False) -> None:
        """Open a store: every file must be there, of its size, and begin as it should.

        ``verify`` compares all checksums too, which reads every byte once.

        Raises:
            StoreError: the folder or a file in it is not what the manifest promises, or cannot be read.
        """
        self.path = path
        try:
            self._promised, self._reading = _held(path)
            check_files(path, self._promised)
            if verify:
                verify_files(path, self._promised)
            index = path / index_name(self._promised.generation)
            try:
                self.index = Index(index, self._promised.passages)
            except ValueError as error:
                raise damaged(index, str(error)) from None
            self.codec: Codec = self._promised.codec
            self._learned()
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error}") from None
        self.made_by: Fingerprint = self._promised.made_by
        self._shards: dict[int, Shard] = {}

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The content of ``manifest.json``."""
        return self._promised.content

    @property
    def promised(self) -> Manifest:
        """The manifest, read."""
        return self._promised

    def __len__(self) -> int:
        return self._promised.passages

    def __reduce__(self) -> tuple[Any, ...]:
        return MemoryStore, (self.path,)

    def close(self) -> None:
        """Let updates remove this generation, which is not to be read any more."""
        self._reading.close()

    def read(self, ids: Sequence[str], contents: Sequence[bytes] | None = None) -> States:
        """Gather and decode passages into padded ``[P, T, D]`` float32 states; see ``read_packed``."""
        rows, lengths = self.read_packed(ids, contents)
        if len(set(lengths)) == 1:  # packed is padded
            values = rows.view(len(lengths), lengths[0], self.codec.width)
            return States(values, torch.ones(values.shape[:2], dtype=torch.bool))
        return States.pad(torch.split(rows, lengths), self.codec.width)

    def read_packed(self, ids: Sequence[str], contents: Sequence[bytes] | None = None) -> tuple[Tensor, list[int]]:
        """Gather and decode passages: float32 states ``[N, D]``, one after the other, and their lengths ``[P]``.

        ``contents`` are the hashes (``glimmer.memory.content``) that the passages' token ids have now.

        Raises:
            StoreError: a passage is not in the store, or was encoded from other token ids than it has now.
        """
        places = self._places(ids)
        if contents is not None:
            self._compare(ids, places, contents)
        spans = [self._span(*place) for place in places]
        lengths = [stop - start for start, stop in spans]
        stored = torch.empty(sum(lengths), self.codec.columns, dtype=self.codec.storage)
        target = stored.view(torch.uint8).numpy()
        begin = 0
        for (shard, _), (start, stop) in zip(places, spans, strict=True):
            target[begin : begin + stop - start] = self.shard(shard).states[start:stop]
            begin += stop - start
        with torch.autocast("cpu", enabled=False):  # one thread's autocast does not reach another that reads for it
            return self.codec.decode(stored, lengths), lengths

    def find(self, passage_id: str) -> int | None:
        """The position of a passage in the index, or None."""
        return self._find(passage_id, *self.index.candidates([passage_id])[0])

    def content(self, position: int) -> bytes:
        """The content hash of the passage at a position of the index."""
        shard, row = self.index.place(position)
        return bytes(self.shard(shard).contents[row])

    def shard(self, number: int) -> Shard:
        """A shard by its place in the manifest, mapped when it is first asked for.

        Raises:
            StoreError: it cannot be read.
        """
        if number not in self._shards:
            shards = self._promised.shards
            if not 0 <= number < len(shards):
                raise damaged(self.path / index_name(self._promised.generation), f"it names a shard {number}")
            file = self.path / SHARDS / shards[number].file
            try:
                self._shards[number] = Shard(file, self._promised.rows, shards[number])
            except (OSError, ValueError) as error:
                raise StoreError(f"{file} cannot be read: {error}") from None
        return self._shards[number]

    def require(self, wanted: Fingerprint) -> None:
        """Refuse a store that another encoder, split, tokenizer or prompt made.

        Raises:
            StoreError: the message names what differs.
        """
        if difference := self.made_by.difference(wanted):
            raise StoreError(
                f"the memory in {self.path} was not made by this reader: {difference}; "
                f"encode it again with `glimmer encode`"
            )

    def _places(self, ids: Sequence[str]) -> list[tuple[int, int]]:
        """Shard and row of every passage."""
        places = []
        for passage_id, candidates in zip(ids, self.index.candidates(ids), strict=True):
            position = self._find(passage_id, *candidates)
            if position is None:
                raise StoreError(
                    f"{self.path} holds no passage {passage_id!r}; was it encoded from another collection? "
                    "`glimmer memory update` adds what is new"
                )
            places.append(self.index.place(position))
        return places

    def _find(self, passage_id: str, start: int, stop: int) -> int | None:
        for position in range(start, stop):
            shard, row = self.index.place(position)
            if row < self.shard(shard).passages and self.shard(shard).passage_id(row) == passage_id:
                return position
        return None

    def _compare(self, ids: Sequence[str], places: Sequence[tuple[int, int]], contents: Sequence[bytes]) -> None:
        for passage_id, (shard, row), content in zip(ids, places, contents, strict=True):
            if bytes(self.shard(shard).contents[row]) != content:
                raise StoreError(
                    f"{self.path}: passage {passage_id!r} is not the one that was encoded: its tokens have changed; "
                    "bring the store up to date with `glimmer memory update`"
                )

    def _span(self, shard: int, row: int) -> tuple[int, int]:
        """The rows of states of a passage."""
        start, stop = self.shard(shard).offsets[row : row + 2].tolist()
        if not 0 <= start <= stop <= len(self.shard(shard).states):
            file = self.path / SHARDS / self._promised.shards[shard].file
            raise damaged(file, f"its passage {row} has the tokens {start} to {stop}")
        return start, stop

    def _learned(self) -> None:
        """Give the codec what it has learned."""
        arrays = self._arrays()
        try:
            self.codec.load(arrays)
        except StoreError as error:
            raise damaged(self.path / CODEC, str(error)) from None

    def _arrays(self) -> Arrays:
        """What the codec has learned."""
        names = [name for name in self._promised.files if name.startswith(f"{CODEC}/")]
        found = {}
        for name in names:
            try:
                found[Path(name).stem] = np.load(self.path / name)
            except ValueError as error:
                raise damaged(self.path / name, str(error)) from None
        return found


def _held(path: Path) -> tuple[Manifest, Reading]:
    """The current generation, held so that no update removes its files."""
    manifest = read_manifest(path)
    while True:
        keys = path / index_name(manifest.generation) / KEYS
        try:
            return manifest, Reading(keys)
        except FileNotFoundError:
            before, manifest = manifest, read_manifest(path)
            if manifest.generation == before.generation:
                raise StoreError(
                    f"{path} is no memory store: {keys.relative_to(path)} is missing; make one with `glimmer encode`"
                ) from None
