"""What tokenizers that the library tokenizers runs have in common: a ``tokenizer.json``, and T5's layout of ids."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Library

from glimmer.data.files import content_hash, write_bytes
from glimmer.data.tokenizers.base import Tokenizer, sentinel_text
from glimmer.errors import DataError

SPECIAL = ("<pad>", "</s>", "<unk>")
"""The first three ids."""


class LibraryTokenizer(Tokenizer):
    """A tokenizer of the library; ``content`` is the text of its file, ``source`` what that is called in messages."""

    def __init__(self, content: str, source: str) -> None:
        """Parse the file.

        Raises:
            DataError: it is none, or its first ids are not T5's.
        """
        self._content = content
        try:
            self._library: Any = Library.from_str(content)
        except Exception as error:  # the library raises nothing narrower
            raise DataError(f"{source}: not a tokenizer file, or a damaged one: {error}") from error
        self._library.no_truncation()
        self._library.no_padding()
        self._pieces: list[str] = [self._library.id_to_token(i) or "" for i in range(self._library.get_vocab_size())]
        first = tuple(self._pieces[: len(SPECIAL)])
        if first != SPECIAL:
            expected, found = ", ".join(SPECIAL), ", ".join(map(str, first))
            raise DataError(f"{source}: expected the ids 0, 1, 2 to be {expected}, as T5 has them, found {found}")
        known = set(self._pieces)
        self._sentinels = next(i for i in range(len(known) + 1) if sentinel_text(i) not in known)

    @property
    def vocabulary(self) -> int:
        """The number of ids."""
        return len(self._pieces)

    @property
    def sentinels(self) -> int:
        """The number of sentinels."""
        return self._sentinels

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
