"""A knowledge source in shards: stretches of whole lines that are worked on apart, whatever the file's size."""

import gzip
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from glimmer.data.files import reading
from glimmer.errors import DataError

SHARD_BYTES = 32 << 20
"""Bytes of the unpacked source that a shard covers: some 6,000 pages of KILT, cut in seconds."""
HEAD_BYTES = 1 << 20
LONGEST_LINE = 256 << 20
"""Bytes; the longest page of KILT has some millions."""


@dataclass(frozen=True)
class Shard:
    """The lines that begin at bytes ``start`` to ``stop`` (exclusive) of the unpacked source."""

    number: int
    start: int
    stop: int
    weight: int
    """Bytes of the file itself, for a progress bar."""
    content: bytes | None = None
    """The lines, where the file cannot be read from its middle."""


@dataclass(frozen=True)
class Identity:
    """What tells a knowledge source from another, or from itself before it was changed."""

    size: int
    modified_ns: int
    head_sha256: str

    @classmethod
    def of(cls, path: Path) -> "Identity":
        """Look at a file.

        Raises:
            DataError: there is none, or it is empty.
        """
        with reading(path), path.open("rb") as file:
            stat = path.stat()
            digest = hashlib.sha256(file.read(HEAD_BYTES)).hexdigest()
        if stat.st_size == 0:
            raise DataError(f"{path}: the file is empty; expected KILT's knowledge source, a page on every line")
        return cls(stat.st_size, stat.st_mtime_ns, digest)


def shards(path: Path, size: int = SHARD_BYTES) -> Iterator[Shard]:
    """The shards of a source, in its order; those of a ``.gz`` file hold their lines.

    Raises:
        DataError: the file cannot be read, or is no whole gzip file.
    """
    if path.suffix == ".gz":
        yield from _packed_shards(path, size)
        return
    with reading(path):
        end = path.stat().st_size
    for number, start in enumerate(range(0, end, size)):
        stop = min(start + size, end)
        yield Shard(number, start, stop, stop - start)


def _packed_shards(path: Path, size: int) -> Iterator[Shard]:
    with reading(path), path.open("rb") as packed, gzip.open(packed, "rb") as file:
        number, start, before = 0, 0, 0
        while content := file.read(size):
            if not content.endswith(b"\n"):
                content += _line(file, path, start + len(content))
            weight = packed.tell() - before
            yield Shard(number, start, start + len(content), weight, content)
            number, start, before = number + 1, start + len(content), before + weight


def lines(path: Path, shard: Shard) -> Iterator[tuple[int, bytes]]:
    """Where each line of a shard begins, in bytes of the unpacked source, and the line.

    Raises:
        DataError: the file cannot be read, or a line is longer than any page.
    """
    if shard.content is not None:
        at = shard.start
        for line in io.BytesIO(shard.content):
            yield at, line
            at += len(line)
        return
    with reading(path), path.open("rb") as file:
        at = shard.start
        if at > 0:  # the line that is under way there belongs to the shard before
            file.seek(at - 1)
            at += len(_line(file, path, at - 1)) - 1
        while at < shard.stop:
            line = _line(file, path, at)
            yield at, line
            at += len(line)


def line_number(path: Path, offset: int) -> int:
    """The number of the line that begins at a byte of the unpacked source; reads all that is before."""
    count, left = 1, offset
    with reading(path), gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        while left and (block := file.read(min(left, 1 << 20))):
            count += block.count(b"\n")
            left -= len(block)
    return count


def _line(file: BinaryIO | gzip.GzipFile, path: Path, at: int) -> bytes:
    line = file.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        raise DataError(
            f"{path}: more than {LONGEST_LINE:,} bytes after byte {at:,} without an end of line; expected KILT's "
            "knowledge source, a page on every line"
        )
    return line
