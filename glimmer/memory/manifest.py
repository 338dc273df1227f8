"""The manifest of a store, read with every promise checked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from glimmer.errors import GlimmerError, StoreError
from glimmer.memory.codecs import CODECS, Codec
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.layout import FORMAT_VERSION, MANIFEST, WORK, FileInfo, Rows, ShardInfo, promised_files

AGAIN = "make the store anew with `glimmer encode`"
PROMISES: Mapping[str, type] = {
    "generation": int,
    "fingerprint": dict,
    "codec": dict,
    "element": str,
    "columns": int,
    "width": int,
    "passages": int,
    "tokens": int,
    "shard_passages": int,
    "batch_size": int,
    "files": dict,
    "shards": list,
}
"""What a manifest of this version holds."""
KINDS = {int: "a whole number", dict: "an object", list: "a list", str: "text"}


def damaged(path: Path, what: str) -> StoreError:
    """The error of a file that is not as it should be."""
    return StoreError(f"{path} is damaged: {what}; {AGAIN}")


@dataclass(frozen=True)
class Manifest:
    """What a generation of a store consists of."""

    content: Mapping[str, Any]
    made_by: Fingerprint
    codec: Codec
    """Without what it has learned."""
    rows: Rows
    shards: tuple[ShardInfo, ...]
    files: Mapping[str, FileInfo]
    """Every file but the manifest, by its path below the store."""

    @property
    def generation(self) -> int:
        """Counts the changes of the store, from 1."""
        return int(self.content["generation"])

    @property
    def passages(self) -> int:
        """How many passages can be read."""
        return int(self.content["passages"])


def read_manifest(store: Path) -> Manifest:
    """Read the manifest of the store in the folder ``store``.

    Raises:
        StoreError: there is none, or it is damaged, of another version, or names a codec that is not there.
        OSError: it cannot be read.
    """
    file = store / MANIFEST
    if not file.is_file():
        if (store / WORK).is_dir():
            raise StoreError(
                f"{store} is not finished: its writer was stopped, or is at work; the command that began it goes on"
            )
        raise StoreError(f"{store} is no memory store: {MANIFEST} is missing; make one with `glimmer encode`")
    try:
        content: dict[str, Any] = json.loads(file.read_bytes())
    except ValueError as error:
        raise damaged(file, f"expected a JSON object, found {error}") from None
    version = content.get("format_version") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise StoreError(f"{file}: expected 'format_version': {FORMAT_VERSION}, found {version!r:.60}; {AGAIN}")
    for key, kind in PROMISES.items():
        if not isinstance(content.get(key), kind) or isinstance(content[key], bool):
            raise damaged(file, f"expected {key!r}: {KINDS[kind]}, found {content.get(key)!r:.60}")
    _check_names(file, "a fingerprint", Fingerprint, content["fingerprint"])
    for shard in content["shards"]:
        _check_names(file, "a shard", ShardInfo, shard)
    for info in content["files"].values():
        _check_names(file, "a file", FileInfo, info)
    made_by = Fingerprint(**content["fingerprint"])
    codec = _codec(file, content)
    rows = Rows.of(codec, made_by)
    for key, found in {"element": rows.element, "columns": rows.columns}.items():
        if content[key] != found:
            raise damaged(file, f"{key} is {content[key]!r:.60}, and the codec's rows have {found!r}")
    shards = tuple(ShardInfo(**shard) for shard in content["shards"])
    return Manifest(content, made_by, codec, rows, shards, dict(promised_files(content)))


def current_generation(store: Path) -> int:
    """The generation that readers find; 0 where there is none.

    Raises:
        StoreError: the manifest is damaged, of another version, or names a codec that is not there.
        OSError: it cannot be read.
    """
    return read_manifest(store).generation if (store / MANIFEST).is_file() else 0


def _check_names(file: Path, what: str, kind: type[Any], found: Any) -> None:
    types: dict[str, Any] = {field.name: field.type for field in fields(kind)}
    names = found.keys() if isinstance(found, dict) else ()
    if names != types.keys():
        expected = f"expected {what} of {', '.join(sorted(types))}"
        raise damaged(file, f"{expected}, found {', '.join(sorted(names)) or 'nothing'}")
    for name, wanted in types.items():
        if not isinstance(found[name], wanted) or (wanted is int and found[name] < 0):
            raise damaged(file, f"expected {what} with {name!r}: {KINDS[wanted]}, found {found[name]!r:.60}")


def _codec(file: Path, content: Mapping[str, Any]) -> Codec:
    described = content["codec"]
    try:
        return CODECS.build(CODECS.configure(**described), width=content["width"])
    except (GlimmerError, TypeError) as error:  # a TypeError where options are missing or too many
        raise StoreError(f"{file}: cannot build the codec {described}: {error}") from None
