"""What tokenizers that the library tokenizers runs have in common: a ``tokenizer.json``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Library

from glimmer.data.files import content_hash, resolve_file, write_bytes
from glimmer.data.hub import resolve_folder
from glimmer.data.tokenizers.base import Tokenizer
from glimmer.errors import ConfigError, DataError


class LibraryTokenizer(Tokenizer):
    """A tokenizer of the library, which cuts and pads nothing, whatever its file says.

    ``content`` is the text of its file, ``source`` what that is called in messages, and ``rows`` the rows of the
    embedding, where those are more than there are ids.
    """

    def __init__(self, content: str, source: str, rows: int | None = None) -> None:
        """Parse the file.

        Raises:
            ConfigError: there are fewer ``rows`` than ids.
            DataError: it is no tokenizer's.
        """
        self._content = content
        try:
            self._library: Any = Library.from_str(content)
        except Exception as error:  # the library raises nothing narrower
            raise DataError(f"{source}: not a tokenizer file, or a damaged one: {error}") from error
        self._library.no_truncation()
        self._library.no_padding()
        self._pieces: list[str] = [self._library.id_to_token(i) or "" for i in range(self._library.get_vocab_size())]
        self._rows = len(self._pieces) if rows is None else rows
        if self._rows < len(self._pieces):
            raise ConfigError(f"tokenizer.vocabulary = {rows} is fewer than the {len(self._pieces)} ids of {source}")

    @property
    def vocabulary(self) -> int:
        """The number of ids, those that stand for nothing included."""
        return self._rows

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        ids: list[int] = self._library.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, without special ones and those that stand for nothing."""
        known = [i for i in ids if i < len(self._pieces)]
        text: str = self._library.decode(known, skip_special_tokens=True)
        return text.strip()

    def fingerprint(self) -> str:
        """A hash of the file."""
        return content_hash(self._content)

    def save(self, path: Path) -> None:
        """Write ``tokenizer.json``, the same bytes as were read."""
        write_bytes(path, self._content.encode())


def find_file(file: str | None, names: Sequence[str]) -> Path:
    """The file that ``tokenizer.file`` names: itself, or the first of ``names`` that its folder holds.

    Raises:
        ConfigError: it is null.
        DataError: the folder holds none of them, or cannot be had.
    """
    expected = " or ".join(names)
    if file is None:
        raise ConfigError(f"tokenizer.file is null; expected a checkpoint's folder, its {expected}")
    folder = resolve_folder(file)
    if folder is None:
        return resolve_file(file)
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is None:
        raise DataError(f"{folder} holds no tokenizer; expected {expected}")
    return found


def read_text(path: Path) -> str:
    """The text of a tokenizer's file.

    Raises:
        DataError: it is missing, or no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}; expected the file of a tokenizer") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text at byte {error.start}; expected the file of a tokenizer") from None
