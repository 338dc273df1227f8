"""Format version 4 of a memory store: the names of its files, its manifest and the header of a shard.

docs/memory_store.md describes them byte by byte. Legend: P passages, T stored tokens, C stored columns.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glimmer.memory.codecs import Codec
from glimmer.memory.content import CONTENT
from glimmer.memory.fingerprint import Fingerprint

FORMAT_VERSION = 4
MANIFEST, SHARDS, CODEC, WORK, LOCK = "manifest.json", "shards", "codec", "work", "lock"
KEYS, PLACES = "keys.npy", "places.npy"
SHARD_NAME = re.compile(r"\d{5}-\d{6,}\.safetensors")
INDEX_NAME = re.compile(r"index-\d{5}")
OWN_NAME = re.compile(rf"{MANIFEST}|{SHARDS}|{CODEC}|{WORK}|{LOCK}(\.\w+)?|{INDEX_NAME.pattern}")
"""What else than hidden files may lie in the folder of a store."""
BLOCK = 4096
"""States begin at a multiple of so many bytes."""
ROOM = 2048
"""Bytes of a header, at most, without the first passage's id."""
ELEMENTS = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.uint8: "U8",
    torch.int8: "I8",
    torch.int16: "I16",
    torch.int32: "I32",
}
"""Types of stored elements, by their names in safetensors."""


@dataclass(frozen=True)
class FileInfo:
    """A file as the manifest promises it."""

    bytes: int
    blake2b: str
    """BLAKE2b of 32 bytes, in hexadecimal."""


@dataclass(frozen=True)
class ShardInfo(FileInfo):
    """A shard as the manifest promises it."""

    file: str
    """Below the folder of shards."""
    first: str
    """The id of the first passage of the range that it was made of."""
    passages: int
    tokens: int
    id_bytes: int


@dataclass(frozen=True)
class Section:
    """An array of a shard: bytes ``start`` to ``stop`` of the file."""

    element: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class Rows:
    """What all rows of a store share."""

    element: str
    columns: int
    itemsize: int
    made_by: str
    """Hash of the fingerprint, which every shard carries."""

    @classmethod
    def of(cls, codec: Codec, made_by: Fingerprint) -> "Rows":
        """The rows of ``codec``."""
        text = json.dumps(asdict(made_by), sort_keys=True)
        short = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        return cls(ELEMENTS[codec.storage], codec.columns, codec.storage.itemsize, short)


def shard_name(generation: int, number: int) -> str:
    """The file of a shard."""
    return f"{generation:05}-{number:06}.safetensors"


def generation_of(name: str) -> int:
    """The generation that the name of a shard or of an index's folder tells."""
    return int(name.removeprefix("index-")[:5])


def number_of(name: str) -> int:
    """The number that the name of a shard tells."""
    return int(name[6:12])


def index_name(generation: int) -> str:
    """The folder of a generation's index."""
    return f"index-{generation:05}"


def data_start(first: str) -> int:
    """Where a shard's states begin; known before anything else of it but its first passage's id."""
    return -(-(ROOM + len(json.dumps(first))) // BLOCK) * BLOCK


def sections(rows: Rows, first: str, passages: int, tokens: int, id_bytes: int) -> dict[str, Section]:
    """The arrays of a shard in file order, without a byte between them."""
    states = tokens * rows.columns * rows.itemsize
    shapes = {
        "states": (rows.element, (tokens, rows.columns), states),
        "padding": ("U8", (-states % 8,), -states % 8),
        "offsets": ("I64", (passages + 1,), 8 * (passages + 1)),
        "id_offsets": ("I64", (passages + 1,), 8 * (passages + 1)),
        "keys": ("U64", (passages,), 8 * passages),
        "contents": ("U8", (passages, CONTENT), CONTENT * passages),
        "ids": ("U8", (id_bytes,), id_bytes),
    }
    found, start = {}, data_start(first)
    for name, (element, shape, size) in shapes.items():
        found[name] = Section(element, shape, start, start + size)
        start += size
    return found


def header(rows: Rows, first: str, passages: int, tokens: int, id_bytes: int) -> bytes:
    """The first ``data_start`` bytes of a shard: safetensors' header, filled up with blanks."""
    start = data_start(first)
    described: dict[str, Any] = {
        "__metadata__": {"format": f"glimmer memory {FORMAT_VERSION}", "made_by": rows.made_by, "first": first}
    }
    for name, section in sections(rows, first, passages, tokens, id_bytes).items():
        places = [section.start - start, section.stop - start]
        described[name] = {"dtype": section.element, "shape": list(section.shape), "data_offsets": places}
    text = json.dumps(described, separators=(",", ":")).encode()
    return (start - 8).to_bytes(8, "little") + text.ljust(start - 8)


def header_of(rows: Rows, shard: ShardInfo) -> bytes:
    """What a shard must begin with."""
    return header(rows, shard.first, shard.passages, shard.tokens, shard.id_bytes)


def promised_files(manifest: Mapping[str, Any]) -> Iterator[tuple[str, FileInfo]]:
    """Every file but the manifest, as ``(path below the store, what is promised of it)``."""
    for name, info in manifest["files"].items():
        yield name, FileInfo(**info)
    for shard in manifest["shards"]:
        yield f"{SHARDS}/{shard['file']}", FileInfo(shard["bytes"], shard["blake2b"])


def digest_of_file(path: Path) -> str:
    """The checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest()


def file_info(path: Path) -> FileInfo:
    """What a manifest promises of a file that is there."""
    return FileInfo(path.stat().st_size, digest_of_file(path))


NUMPY: dict[str, np.dtype[Any]] = {"U8": np.dtype("u1"), "I64": np.dtype("<i8"), "U64": np.dtype("<u8")}
"""Types of the arrays beside the states."""
