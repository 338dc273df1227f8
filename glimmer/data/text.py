"""Text compared without case, accents and punctuation."""

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"\w+")


@lru_cache(maxsize=1 << 15)
def plain(text: str) -> str:
    """Lower-case without accents, words divided by single spaces, with a space at either end.

    ``plain(a) in plain(b)`` says whether ``a`` stands in ``b`` on word boundaries.
    """
    text = text.lower()
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " " + " ".join(_WORD.findall(text)) + " "
