"""Text files line by line, with errors that name the line, and files that are never left half-written."""

import gzip
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from glimmer.errors import DataError, suggest

ASSETS = Path(__file__).parent.parent / "assets"
PACKAGE = "package:"


def resolve_file(path: str) -> Path:
    """The file that a configuration names; ``package:NAME`` is one that glimmer ships.

    Raises:
        DataError: glimmer ships no such file.
    """
    if not path.startswith(PACKAGE):
        return Path(path)
    name = path.removeprefix(PACKAGE)
    if not (ASSETS / name).is_file():
        raise DataError(f"{path}: glimmer ships no such file; {suggest(name, [p.name for p in ASSETS.iterdir()])}")
    return ASSETS / name


def read_json_lines(path: Path, expected: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield ``(line number, object)`` of a JSON-lines file, ``.gz`` by suffix; blank lines are an error too.

    Raises:
        DataError: the file is missing, empty, truncated, not UTF-8, or has a line that is no JSON object;
            ``expected`` says in the message what a line should be.
    """
    number = 0
    for number, line in _lines(path):
        try:
            item = json.loads(line)
        except json.JSONDecodeError as error:
            cut = " (the file seems truncated: its last line has no end)" if not line.endswith("\n") else ""
            raise DataError(f"{path}:{number}: not JSON: {error.msg}{cut}; expected {expected}") from None
        if not isinstance(item, dict):
            raise DataError(f"{path}:{number}: expected {expected}, found {_kind(item)}")
        yield number, item
    if number == 0:
        raise DataError(f"{path}: the file is empty; expected on every line {expected}")


def write_json_lines(path: Path, items: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object a line, atomically; ``.gz`` by suffix. The same items give the same bytes."""
    lines = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
    write_bytes(path, lines.encode())


def write_json(path: Path, item: Any) -> None:
    """Write one indented JSON document, atomically."""
    write_bytes(path, (json.dumps(item, ensure_ascii=False, indent=2) + "\n").encode())


def read_json(path: Path, expected: str) -> dict[str, Any]:
    """Read one JSON object.

    Raises:
        DataError: the file is missing, not UTF-8 or no JSON object.
    """
    try:
        item = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}; expected {expected}") from None
    except ValueError as error:
        raise DataError(f"{path}: not JSON: {error}; expected {expected}") from None
    if not isinstance(item, dict):
        raise DataError(f"{path}: expected {expected}, found {_kind(item)}")
    return item


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file in one step: written beside its place, then renamed over it."""
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def content_hash(*parts: str | bytes) -> str:
    """A short SHA-256 of text and bytes, the same on every machine."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:16]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}:{number}: not UTF-8 text: {error.reason} at byte {error.start} of the line") from None
    except EOFError:
        raise DataError(f"{path}:{number + 1}: the gzip file is truncated") from None
    except OSError as error:
        raise DataError(f"{path}:{number + 1}: cannot be read: {error.strerror or error}") from None


def _kind(item: Any) -> str:
    return {list: "a list", str: "text", bool: "a truth value", type(None): "null"}.get(type(item), "a number")
