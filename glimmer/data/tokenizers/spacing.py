"""Words and marks as readable text, where it was lost which of them had spaces between."""

import re
from collections.abc import Sequence

RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<=\w) ([-/‐–]) (?=\w)", r"\1"),  # well-known, 1990-91, km/h
        (r"(?<=\w) (['’]) (?=(?:s|t|d|m|re|ve|ll)\b)", r"\1"),  # it's
        (r"\b([dlo]) (['’]) (?=\w)", r"\1\2"),  # d'ivoire
        (r"(?<=\d) \. (?=\d)", "."),  # 11.1
        (r"\b(\d{1,3}) , (?=\d{3}(?: ,|$|\D))", r"\1,"),  # 5,321
        (r"(?<=,\d{3}) , (?=\d{3}\b)", ","),  # the 2nd comma of 1,234,567
        (r"(?<=\d) : (?=\d)", ":"),  # 12:30
        (r'(["“]) (.*?) (["”])', r"\1\2\3"),
        (r"([(\[{$£€#]) ", r"\1"),
        (r" ([.,!?;:%)\]}])", r"\1"),
    )
)


def spaced(words: Sequence[str]) -> str:
    """The words with spaces between, but where English has none: before a comma, in 5,321, 1990-91 or it's.

    A guess: what was ``Area - total`` comes back as ``Area-total``.
    """
    text = " ".join(words)
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    return text
