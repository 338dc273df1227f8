"""A memory store on disk: one memory-mapped file of token states, and a manifest that says what made it.

Layout of the folder: ``manifest.json``, ``ids.json`` (passage ids in order), ``offsets.npy`` (int64 ``[P + 1]``, the
token row where each passage begins), ``states.bin`` (``[tokens, C]`` rows of the codec's storage type).
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glimmer.data.values import States
from glimmer.errors import StoreError
from glimmer.memory.codecs import CODECS, Codec
from glimmer.memory.fingerprint import Fingerprint

FORMAT_VERSION = 1


def write_store(path: Path, passages: Iterable[tuple[str, Tensor]], codec: Codec, made_by: Fingerprint) -> None:
    """Write the memory of passages, given one by one as ``(id, states [T, D])``.

    The folder appears complete or not at all.

    Raises:
        StoreError: ``path`` exists already, an id comes twice, or the disk refuses a write.
    """
    if path.exists():
        raise StoreError(f"{path} exists already; remove it or choose another folder for the store")
    path.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        ids: list[str] = []
        offsets = [0]
        digest = hashlib.sha256()
        with (work / "states.bin").open("wb") as file:
            for passage_id, states in passages:
                rows = codec.encode(states.detach().cpu()).contiguous().view(torch.uint8).numpy().tobytes()
                digest.update(rows)
                file.write(rows)
                ids.append(passage_id)
                offsets.append(offsets[-1] + states.shape[0])
        if len(set(ids)) != len(ids):
            raise StoreError(f"cannot write {path}: a passage id occurs twice")
        np.save(work / "offsets.npy", np.asarray(offsets, dtype=np.int64))
        (work / "ids.json").write_text(json.dumps(ids), encoding="utf-8")
        manifest = {
            "format_version": FORMAT_VERSION,
            "fingerprint": asdict(made_by),
            "codec": {key: getattr(codec.config, key) for key in (f.name for f in fields(codec.config))},
            "width": codec.width,
            "columns": codec.columns,
            "passages": len(ids),
            "tokens": offsets[-1],
            "sha256": digest.hexdigest(),
        }
        (work / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        work.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write the store {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


class MemoryStore:
    """A store opened for reading; nothing but offsets and ids is held in memory."""

    def __init__(self, path: Path) -> None:
        """Open and check a store.

        Raises:
            StoreError: the folder, a file in it, its version or its sizes are not what the manifest promises.
        """
        self.path = path
        self.manifest = self._manifest()
        options = dict(self.manifest["codec"])
        self.codec: Codec = CODECS.build(CODECS.configure(options.pop("name"), **options), width=self.manifest["width"])
        self.made_by = Fingerprint(**self.manifest["fingerprint"])
        self._offsets = np.load(self._file("offsets.npy"))
        ids = json.loads(self._file("ids.json").read_text(encoding="utf-8"))
        self._row = {passage_id: row for row, passage_id in enumerate(ids)}
        tokens, columns = self.manifest["tokens"], self.codec.columns
        expected = tokens * self.codec.bytes_per_token
        size = self._file("states.bin").stat().st_size
        if size != expected or len(ids) != self.manifest["passages"] or len(self._offsets) != len(ids) + 1:
            raise StoreError(
                f"{path} is damaged: states.bin has {size} bytes where the manifest says {expected}; encode it again"
            )
        shape = (tokens, columns * self.codec.storage.itemsize)
        self._bytes = (
            np.memmap(self._file("states.bin"), dtype=np.uint8, mode="r", shape=shape)
            if tokens
            else np.zeros(shape, np.uint8)
        )

    def __len__(self) -> int:
        return len(self._row)

    def read(self, ids: Sequence[str]) -> States:
        """Gather and decode passages into padded ``[P, T, D]`` float32 states.

        Raises:
            StoreError: a passage is not in the store.
        """
        rows = [self._find(passage_id) for passage_id in ids]
        spans = [(int(self._offsets[r]), int(self._offsets[r + 1])) for r in rows]
        length = max((stop - start for start, stop in spans), default=0)
        values = torch.zeros(len(ids), length, self.codec.width)
        mask = torch.zeros(len(ids), length, dtype=torch.bool)
        for i, (start, stop) in enumerate(spans):
            stored = torch.from_numpy(np.array(self._bytes[start:stop])).view(self.codec.storage)
            values[i, : stop - start] = self.codec.decode(stored)
            mask[i, : stop - start] = True
        return States(values, mask)

    def verify(self) -> None:
        """Recompute the checksum.

        Raises:
            StoreError: the bytes are not those that were written.
        """
        digest = hashlib.sha256()
        with self._file("states.bin").open("rb") as file:
            while chunk := file.read(1 << 22):
                digest.update(chunk)
        if digest.hexdigest() != self.manifest["sha256"]:
            raise StoreError(
                f"{self.path / 'states.bin'} is damaged: its checksum is not the manifest's; encode it again"
            )

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

    def _find(self, passage_id: str) -> int:
        if passage_id not in self._row:
            raise StoreError(f"{self.path} holds no passage {passage_id!r}; was it encoded from another collection?")
        return self._row[passage_id]

    def _file(self, name: str) -> Path:
        file = self.path / name
        if not file.is_file():
            raise StoreError(f"{self.path} is no memory store: {name} is missing; make one with `glimmer encode`")
        return file

    def _manifest(self) -> dict[str, Any]:
        file = self._file("manifest.json")
        try:
            manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            version = manifest["format_version"]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{file} is no manifest of a memory store: {error}") from error
        if version != FORMAT_VERSION:
            raise StoreError(
                f"{file} has format version {version}, this program reads {FORMAT_VERSION}; encode it again"
            )
        return manifest
