"""A file fetched from a server, when the user asks for it: resumed where it was cut off, and whole or not at all."""

import hashlib
import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tqdm import tqdm

from glimmer.data.files import write_json, writing
from glimmer.errors import DataError

BLOCK = 1 << 20
TIMEOUT = 60
"""Seconds without a byte after which a server is given up."""
COMPLETE = 416
"""What a server says of a range that begins where the file ends."""


@dataclass(frozen=True)
class Fetched:
    """What tells a file from every other: where it came from, its bytes and their SHA-256."""

    url: str
    size: int
    sha256: str


@dataclass(frozen=True)
class _Version:
    """Which version of its file a server sends; empty where it does not say."""

    url: str
    size: int | None
    tag: str

    @property
    def strong(self) -> bool:
        """Whether the server vouches for it byte by byte."""
        return bool(self.tag) and not self.tag.startswith("W/")


def download(
    url: str, path: Path, expected: Fetched | None = None, check: Callable[[Path], None] = lambda file: None
) -> Fetched:
    """Fetch ``url`` into ``path``, which appears when all of it is there; on a terminal, with a bar.

    What was fetched before an interruption lies beside it, in ``.NAME.part``, and is gone on from where the server can
    and still has the same version. With ``expected``, anything else is refused.

    Raises:
        DataError: the server cannot be reached, has no such file, breaks off or sends another file than expected; or
            the file cannot be written.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise DataError(f"{url}: expected an address that begins with http:// or https://")
    part = path.parent / f".{path.name}.part"
    notes = path.parent / f".{path.name}.part.json"
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        digest, done = _hash(part) if part.exists() and notes.exists() else (hashlib.sha256(), 0)
    before = _read_notes(notes) if done else None
    if before is not None and before.url != url:
        before, digest, done = None, hashlib.sha256(), 0
    if before is None or before.size != done:
        digest, done, total = _transfer(url, path, part, notes, before, digest, done)
        if total is not None and done != total:
            raise DataError(
                f"{url}: the transfer broke off after {done:,} of {total:,} bytes; the same command goes on from there"
            )
    found = Fetched(url, done, digest.hexdigest())
    if expected is not None and (found.size, found.sha256) != (expected.size, expected.sha256):
        _discard(part, notes)
        raise DataError(
            f"{url}: is not the file that was fetched first: {found.size:,} bytes with SHA-256 {found.sha256[:16]}…, "
            f"expected {expected.size:,} with {expected.sha256[:16]}…"
        )
    try:
        check(part)
    except DataError as error:
        _discard(part, notes)
        raise DataError(f"{url}{str(error).removeprefix(str(part))}") from None
    _install(part, path)
    notes.unlink(missing_ok=True)
    return found


def checksum(path: Path) -> tuple[int, str]:
    """The size and SHA-256 of a file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        digest, size = _hash(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    return size, digest.hexdigest()


def _install(part: Path, path: Path) -> None:
    with writing(path):
        part.replace(path)


def _transfer(
    url: str, path: Path, part: Path, notes: Path, before: _Version | None, digest: Any, done: int
) -> tuple[Any, int, int | None]:
    """Read what is missing into ``part``; returns the hash and number of all bytes there, and of those to come."""
    headers = {"User-Agent": "glimmer", "Accept-Encoding": "identity"}
    if before is not None and before.tag and done:  # without a tag nothing tells that it is the same version still
        headers["Range"] = f"bytes={done}-"
        if before.strong:
            headers["If-Range"] = before.tag
    with _opened(url, headers) as response:
        version = _version(url, response)
        goes_on = response.status == http.client.PARTIAL_CONTENT and version == before and _start(response) == done
        if response.status == http.client.PARTIAL_CONTENT and not goes_on:
            _discard(part, notes)
            raise DataError(f"{url}: the file was changed while it was fetched; the same command begins anew")
        if not goes_on:
            digest, done = hashlib.sha256(), 0
        with writing(path):
            file = part.open("ab" if goes_on else "wb")  # emptied before the notes tell of another version
            write_json(notes, asdict(version))
        bar = tqdm(total=version.size, initial=done, desc=path.name, unit="B", unit_scale=True, disable=None)
        with file, bar:
            while block := _read(url, response, done):
                with writing(path):
                    file.write(block)
                digest.update(block)
                done += len(block)
                bar.update(len(block))
            with writing(path):
                file.flush()
                os.fsync(file.fileno())
    return digest, done, version.size


@contextmanager
def _opened(url: str, headers: Mapping[str, str]) -> Iterator[http.client.HTTPResponse]:
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers)), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == COMPLETE and "Range" in headers:
            # Nothing is left to send, yet what is there is not all of it: the server has a shorter file now.
            with _opened(url, {key: value for key, value in headers.items() if key not in ("Range", "If-Range")}) as it:
                yield it
            return
        raise DataError(f"{url}: the server answers {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(f"{url}: cannot be reached: {reason}") from None
    with response:
        yield response


def _read(url: str, response: http.client.HTTPResponse, done: int) -> bytes:
    try:
        return response.read(BLOCK)
    except (OSError, http.client.HTTPException) as error:
        raise DataError(
            f"{url}: the transfer broke off after {done:,} bytes ({error}); the same command goes on from there"
        ) from None


def _version(url: str, response: http.client.HTTPResponse) -> _Version:
    if response.status == http.client.PARTIAL_CONTENT:
        total = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        total = response.headers.get("Content-Length", "")
    tag = response.headers.get("ETag") or response.headers.get("Last-Modified") or ""
    return _Version(url, int(total) if total.isdecimal() else None, tag)


def _start(response: http.client.HTTPResponse) -> int | None:
    """The byte where a part begins: ``Content-Range: bytes START-END/TOTAL``."""
    start = response.headers.get("Content-Range", "").removeprefix("bytes").strip().partition("-")[0]
    return int(start) if start.isdecimal() else None


def _hash(path: Path) -> tuple[Any, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
    return digest, size


def _read_notes(path: Path) -> _Version | None:
    try:
        return _Version(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # torn, so nothing is known of the part beside it
        return None


def _discard(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
