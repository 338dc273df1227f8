"""T5's layout of ids: padding 0, end of sequence 1, unknown 2, and sentinels by their text."""

from glimmer.data.tokenizers.base import sentinel_text
from glimmer.data.tokenizers.library import LibraryTokenizer
from glimmer.errors import DataError

SPECIAL = ("<pad>", "</s>", "<unk>")
"""The first three ids."""


class T5LayoutTokenizer(LibraryTokenizer):
    """A tokenizer of the library with T5's ids."""

    def __init__(self, content: str, source: str, rows: int | None = None) -> None:
        """Parse the file.

        Raises:
            ConfigError: there are fewer ``rows`` than ids.
            DataError: it is no tokenizer's, or its first ids are not T5's.
        """
        super().__init__(content, source, rows)
        first = tuple(self._pieces[: len(SPECIAL)])
        if first != SPECIAL:
            expected, found = ", ".join(SPECIAL), ", ".join(map(str, first))
            raise DataError(f"{source}: expected the ids 0, 1, 2 to be {expected}, as T5 has them, found {found}")
        known = set(self._pieces)
        self._sentinels = next(i for i in range(len(known) + 1) if sentinel_text(i) not in known)

    @property
    def sentinels(self) -> int:
        """The number of sentinels."""
        return self._sentinels
