"""A memory store on disk: one memory-mapped file of token states, and a manifest that says what made it.

Layout of the folder: ``manifest.json``, ``ids.json`` (passage ids in order), ``offsets.npy`` (int64 ``[P + 1]``, the
token row where each passage begins), ``states.bin`` (``[tokens, C]`` rows of the codec's storage type) and, for every
array that the codec has learned, ``codec.NAME.npy``. The manifest has the checksums of the other files.
"""

import hashlib
import io
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimmer.data.files import new_folder
from glimmer.data.values import States
from glimmer.errors import GlimmerError, StoreError
from glimmer.memory.codecs import CODECS, Codec
from glimmer.memory.fingerprint import Fingerprint

FORMAT_VERSION = 2
MANIFEST, IDS, OFFSETS, STATES = "manifest.json", "ids.json", "offsets.npy", "states.bin"
LEARNED = "codec."
"""What the names of files with what a codec has learned begin with."""
PROMISES = {"fingerprint": dict, "codec": dict, "width": int, "passages": int, "tokens": int, "sha256": dict}
"""What a manifest of this version holds."""


def write_store(path: Path, passages: Iterable[tuple[str, Tensor]], codec: Codec, made_by: Fingerprint) -> None:
    """Write the memory of passages, given one by one as ``(id, states [T, D])``.

    The folder appears complete or not at all.

    Raises:
        StoreError: ``path`` exists already, or an id comes twice.
        DataError: the disk refuses a write.
    """
    if path.exists():
        raise StoreError(f"{path} exists already; remove it or choose another folder for the store")
    with new_folder(path) as work:
        ids: list[str] = []
        offsets = [0]
        digest = hashlib.sha256()
        with (work / STATES).open("wb") as file:
            for passage_id, states in passages:
                rows = codec.encode(states.detach().cpu()).contiguous()
                content = rows.view(torch.uint8).numpy().tobytes()
                digest.update(content)
                file.write(content)
                ids.append(passage_id)
                offsets.append(offsets[-1] + rows.shape[0])
        if len(set(ids)) != len(ids):
            raise StoreError(f"cannot write {path}: a passage id occurs twice")
        small = {IDS: json.dumps(ids).encode(), OFFSETS: _npy(np.asarray(offsets, dtype=np.int64))}
        small |= {f"{LEARNED}{name}.npy": _npy(array) for name, array in codec.arrays().items()}
        for name, content in small.items():
            (work / name).write_bytes(content)
        manifest = {
            "format_version": FORMAT_VERSION,
            "fingerprint": asdict(made_by),
            "codec": asdict(codec.config),
            "width": codec.width,
            "passages": len(ids),
            "tokens": offsets[-1],
            "sha256": {STATES: digest.hexdigest(), **{name: _sha256(content) for name, content in small.items()}},
        }
        (work / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


class MemoryStore:
    """A store opened for reading; nothing but offsets and ids is held in memory."""

    def __init__(self, path: Path, verify: bool = True) -> None:
        """Open and check a store; ``verify`` has the states read too, all of them once, at some GB a second.

        Raises:
            StoreError: the folder or a file in it is not what the manifest promises, or cannot be read.
        """
        self.path = path
        try:
            self.manifest = self._manifest()
            self.codec = self._codec()
            self.made_by = Fingerprint(**self.manifest["fingerprint"])
            ids = json.loads(self._small(IDS))
            self._row = {passage_id: row for row, passage_id in enumerate(ids)}
            self._offsets = np.load(io.BytesIO(self._small(OFFSETS)))
            for key, count in {"passages": len(ids), "tokens": int(self._offsets[-1])}.items():
                if self.manifest[key] != count:
                    raise self._damaged(MANIFEST, f"{key} is {self.manifest[key]}, and the store has {count}")
            self._bytes = self._states(verify)
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error}") from None

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

    def _damaged(self, name: str, what: str) -> StoreError:
        return StoreError(f"{self.path / name} is damaged: {what}; make the store anew with `glimmer encode`")

    def _manifest(self) -> dict[str, Any]:
        file = self._file(MANIFEST)
        try:
            manifest: dict[str, Any] = json.loads(file.read_bytes())
        except ValueError as error:
            raise self._damaged(MANIFEST, f"expected a JSON object, found {error}") from None
        version = manifest.get("format_version") if isinstance(manifest, dict) else None
        if version != FORMAT_VERSION:
            raise StoreError(
                f"{file}: expected 'format_version': {FORMAT_VERSION}, found {version!r:.60}; "
                "make the store anew with `glimmer encode`"
            )
        for key, kind in PROMISES.items():
            if not isinstance(manifest.get(key), kind):
                expected = "a whole number" if kind is int else "an object"
                raise self._damaged(MANIFEST, f"expected {key!r}: {expected}, found {manifest.get(key)!r:.60}")
        names, found = {field.name for field in fields(Fingerprint)}, manifest["fingerprint"].keys()
        if found != names:
            expected = f"expected a fingerprint of {', '.join(sorted(names))}"
            raise self._damaged(MANIFEST, f"{expected}, found {', '.join(sorted(found)) or 'nothing'}")
        return manifest

    def _codec(self) -> Codec:
        described, width = self.manifest["codec"], self.manifest["width"]
        try:
            codec = CODECS.build(CODECS.configure(**described), width=width)
            learned = [name for name in self.manifest["sha256"] if name.startswith(LEARNED)]
            codec.load({n[len(LEARNED) : -len(".npy")]: np.load(io.BytesIO(self._small(n))) for n in learned})
            return codec
        except (GlimmerError, TypeError) as error:  # a TypeError where options are missing or too many
            raise StoreError(f"{self.path / MANIFEST}: cannot build the codec {described}: {error}") from None

    def _small(self, name: str) -> bytes:
        content = self._file(name).read_bytes()
        self._compare(name, _sha256(content))
        return content

    def _states(self, verify: bool) -> NDArray[np.uint8]:
        """Map ``[tokens, bytes]``."""
        file, shape = self._file(STATES), (self.manifest["tokens"], self.codec.bytes_per_token)
        size, expected = file.stat().st_size, math.prod(shape)
        if size != expected:
            raise self._damaged(STATES, f"expected {expected:,} bytes, found {size:,}")
        if verify:
            with file.open("rb") as stream:
                self._compare(STATES, hashlib.file_digest(stream, "sha256").hexdigest())
        return np.memmap(file, dtype=np.uint8, mode="r", shape=shape) if size else np.zeros(shape, np.uint8)

    def _compare(self, name: str, digest: str) -> None:
        if digest != self.manifest["sha256"].get(name):
            raise self._damaged(name, "its checksum is not the manifest's")


def _npy(array: NDArray[Any]) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
