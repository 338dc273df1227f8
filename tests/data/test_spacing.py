"""Readable text of words and marks: spaces stand where English has them."""

import re

import pytest

from glimmer.data.tokenizers.spacing import spaced

TEXTS = [
    "the capital of ghana is accra.",
    "well-known, 1990-91 and km/h",
    "it's the land's, they don't; d'ivoire",
    "11.1% of $5,321.7 or 1,234,567 (2023 est.) at 12:30!",
    "in 1990, 1991 and 1992",
    'the "long river" is [long]',
    "2, 3, 5",
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_spaces_are_where_they_were(text: str) -> None:
    assert spaced(re.findall(r"\w+|[^\w\s]", text)) == text


def test_what_had_spaces_where_english_has_none_is_a_guess() -> None:
    assert spaced(["area", "-", "total"]) == "area-total"
    assert spaced(["players", "'", "union"]) == "players ' union"
