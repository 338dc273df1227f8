"""A JSON file that is one long array, read item by item."""

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from glimmer.data.files import reading
from glimmer.errors import DataError

CHUNK = 1 << 20
"""Characters that are read at a time."""
_SPACE = " \t\r\n"


def read_json_array(path: Path, expected: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield ``(line number, object)`` of the items of an array, ``.gz`` by suffix; one item is in memory at a time.

    Raises:
        DataError: the file is missing or broken, or is no array of objects; ``expected`` says in the message what an
            item should be.
    """
    text = _Text(path, expected)
    if text.next() != "[":
        raise text.error("expected an array, which begins with [")
    text.at += 1
    mark = text.next()
    while mark != "]":
        line = text.line
        yield line, text.item()
        mark = text.next()
        if mark not in (",", "]"):
            raise text.error("expected , or ] after an item")
        if mark == ",":
            text.at += 1
            if text.next() == "]":
                raise text.error("expected an item after ,")
    text.at += 1
    if text.next():
        raise text.error("expected nothing after the array's ]")


class _Text:
    """The part of a file that is being read, and where it stands."""

    def __init__(self, path: Path, expected: str) -> None:
        self.path, self.expected = path, expected
        self.at = 0
        self._pieces = _pieces(path)
        self._buffer = ""
        self._line = 1
        self._counted = 0
        """Where in the buffer ``_line`` is the number of the line."""
        self._decoder = json.JSONDecoder()

    @property
    def line(self) -> int:
        """The number of the line that is being read."""
        self._line += self._buffer.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def next(self) -> str:
        """The next character that is no space, which is where reading goes on; empty at the end of the file."""
        while True:
            while self.at < len(self._buffer):
                if self._buffer[self.at] not in _SPACE:
                    return self._buffer[self.at]
                self.at += 1
            if not self._more():
                return ""

    def item(self) -> dict[str, Any]:
        """The object that begins here."""
        while True:
            try:
                item, end = self._decoder.raw_decode(self._buffer, self.at)
            except json.JSONDecodeError as error:
                # An item that goes on beyond what was read fails near its end, or where a text begins that has no end
                # yet; any other failure is one of the file.
                near = len(self._buffer) - error.pos < CHUNK or error.msg.startswith("Unterminated string")
                if near and self._more():
                    continue
                self.at = error.pos
                raise self.error(f"not JSON: {error.msg}") from None
            if not isinstance(item, dict):
                raise self.error(f"found {item!r:.60}")
            self.at = end
            return item

    def error(self, problem: str) -> DataError:
        """What is wrong here."""
        end = "" if self.at < len(self._buffer) else " (the file ends here)"
        return DataError(f"{self.path}:{self.line}: {problem}{end}; expected {self.expected}")

    def _more(self) -> bool:
        """Read on, and forget what lies behind."""
        self._line, self._buffer, self.at, self._counted = self.line, self._buffer[self.at :], 0, 0
        piece = next(self._pieces, "")
        self._buffer += piece
        return bool(piece)


def _pieces(path: Path) -> Iterator[str]:
    """The file's text, so many characters at a time: all of it may be one line."""
    with reading(path), gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        text = io.TextIOWrapper(cast(BinaryIO, file), encoding="utf-8-sig", newline="")
        try:
            while piece := text.read(CHUNK):
                yield piece
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: not UTF-8 text: {error.reason}") from None
