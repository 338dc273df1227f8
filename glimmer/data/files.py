"""Text files line by line, with errors that name the line, and files that are never left half-written."""

import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from glimmer.errors import DataError, WriteError, suggest

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
        DataError: the file is empty or has a line that is no JSON object, where ``expected`` says in the message
            what a line should be; or ``read_lines`` refuses it.
    """
    return json_objects(read_lines(path), path, expected)


def json_objects(lines: Iterable[tuple[int, str]], path: Path, expected: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """``read_json_lines`` of the numbered lines of a file.

    Raises:
        DataError: there are none, or one is no JSON object.
    """
    number = 0
    for number, line in lines:
        yield number, json_object(f"{path}:{number}", line, expected)
    if number == 0:
        raise DataError(f"{path}: the file is empty; expected on every line {expected}")


def json_object(where: str, line: str, expected: str) -> dict[str, Any]:
    """The JSON object of a line.

    Raises:
        DataError: it is none; ``where`` names the line, and ``expected`` says what it should be.
    """
    try:
        item = json.loads(line)
    except (ValueError, RecursionError) as error:  # the latter where lists are nested by the thousand
        cut = " (the file seems truncated: its last line has no end)" if not line.endswith("\n") else ""
        raise DataError(f"{where}: not JSON: {getattr(error, 'msg', error)}{cut}; expected {expected}") from None
    if not isinstance(item, dict):
        raise DataError(f"{where}: expected {expected}, found {_kind(item)}")
    return item


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield ``(line number, line)`` of a text file, ``.gz`` by suffix.

    Raises:
        DataError: the file is missing, truncated, corrupt or not UTF-8; names the line.
    """
    number = 0
    with reading(path, lambda: f"{path}:{number + 1}"):
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in decode_lines(file, str(path)):
                yield number, line


def decode_lines(lines: Iterable[bytes], name: str, first: int = 1) -> Iterator[tuple[int, str]]:
    """Yield ``(line number, line)``, each decoded when it is asked for; a byte-order mark is no text.

    Raises:
        DataError: a line is not UTF-8; it is named as the line of ``name``.
    """
    for number, raw in enumerate(lines, start=first):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            where = f"{error.reason} at byte {error.start} of the line"
            raise DataError(f"{name}:{number}: not UTF-8 text: {where}") from None
        yield number, line


def write_json_lines(path: Path, items: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object a line, atomically; ``.gz`` by suffix. The same items give the same bytes."""
    write_bytes(path, b"".join(map(json_line, items)))


def json_line(item: dict[str, Any]) -> bytes:
    """An object as a line of a JSON-lines file."""
    return (json.dumps(item, ensure_ascii=False) + "\n").encode()


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


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Replace a file in one step: whoever reads, now or after a crash, finds the old file or the new.

    Raises:
        WriteError: the file cannot be written; the old one is as it was.
    """
    with new_file(path) as file:
        file.write(content)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes its place at ``path`` when the block ends, and is removed where the block fails.

    It is packed where ``path`` ends in ``.gz``; the same content gives the same bytes.

    Raises:
        WriteError: the file cannot be written; the old one is as it was.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                if path.suffix == ".gz":
                    with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                        yield cast(BinaryIO, packed)
                else:
                    yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync(path.parent)


@contextmanager
def reading(path: Path, where: Callable[[], str] | None = None) -> Iterator[None]:
    """Say in one line what is wrong with the file that the block reads; ``where`` tells how far it has come.

    Raises:
        DataError: ``path`` is missing or cannot be read, or is no whole gzip file.
    """
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (EOFError, zlib.error, OSError) as error:
        if isinstance(error, EOFError):
            problem = "the gzip file is truncated"
        elif isinstance(error, zlib.error):
            problem = f"the gzip file is corrupt: {error}"
        else:
            problem = f"cannot be read: {error.strerror or error}"
        raise DataError(f"{path if where is None else where()}: {problem}") from None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in one line what the system refuses while the block writes ``path``.

    Raises:
        WriteError: names ``path`` and the reason.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if isinstance(error, FileExistsError | NotADirectoryError):
            reason = next((f"{parent} is a file, not a folder" for parent in path.parents if parent.is_file()), reason)
        raise WriteError(f"{path}: cannot be written: {reason}") from None


def content_hash(*parts: str | bytes) -> str:
    """A short SHA-256 of text and bytes, the same on every machine."""
    return hash_all(parts)


def hash_all(parts: Iterable[str | bytes]) -> str:
    """``content_hash`` of parts that come one by one."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:16]


def sync(path: Path) -> None:
    """Make a file, or a rename in a folder, durable; some systems cannot open a folder, and need no such call."""
    if os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _kind(item: Any) -> str:
    return {list: "a list", str: "text", bool: "a truth value", type(None): "null"}.get(type(item), "a number")
