"""A knowledge source made of invented words, in the sizes of KILT's, to measure with; the same on every machine.

A page of KILT's has 6,322 bytes on average (34.76 GiB, 5,903,530 pages) and about four passages of 100 words (22 to 25
million are reported of all), so its text is some 400 words; the rest is links and history. How many paragraphs share
them is a guess.
"""

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from glimmer.data.files import new_file

SYLLABLES = "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu".split()  # noqa: SIM905 - shorter
PARAGRAPHS = 19
"""Of a page, title and beginnings of sections included."""


def generate_source(path: Path, paragraphs: int, seed: int = 0, tell: Callable[[int], object] = lambda n: None) -> int:
    """Write a knowledge source of at least so many paragraphs, ``.gz`` by suffix, and return the number of its pages.

    ``tell`` is told of the paragraphs of every page.

    Raises:
        DataError: the disk refuses a write.
    """
    vocabulary = _vocabulary(seed)
    pages = made = 0
    with new_file(path) as file:
        while made < paragraphs:
            page = _page(pages, seed, vocabulary)
            file.write((json.dumps(page) + "\n").encode())  # as KILT does, in ASCII
            made += len(page["text"])
            tell(len(page["text"]))
            pages += 1
    return pages


def _vocabulary(seed: int) -> list[str]:
    rng = random.Random(f"vocabulary-{seed}")
    return ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(5000)]


def _page(number: int, seed: int, vocabulary: Sequence[str]) -> dict[str, Any]:
    rng = random.Random(f"page-{seed}-{number}")
    title = f"{rng.choice(vocabulary)} {rng.choice(vocabulary)}".title()
    text = [f"{title}\n"]
    while len(text) < PARAGRAPHS:
        if len(text) > 2 and rng.random() < 0.1:
            text.append(f"Section::::{rng.choice(vocabulary).title()}.\n")
        elif rng.random() < 0.4:
            text.append(f"BULLET::::- {_sentence(rng, vocabulary, 6)}\n")
        else:
            text.append(" ".join(_sentence(rng, vocabulary, 14) for _ in range(rng.randint(1, 3))) + "\n")
    links = [_link(rng, vocabulary) for _ in range(42)]
    return {
        "_id": str(number),
        "wikipedia_id": str(number),
        "wikipedia_title": title,
        "text": text,
        "anchors": links,
        "categories": ",".join(rng.choices(vocabulary, k=12)),
        "history": {"revid": number, "timestamp": "2019-08-01T00:00:00Z", "parentid": 0, "pageid": number},
        "wikidata_info": {"description": " ".join(rng.choices(vocabulary, k=6)), "wikidata_id": f"Q{number}"},
    }


def _sentence(rng: random.Random, vocabulary: Sequence[str], words: int) -> str:
    length = rng.randint(words // 2, 2 * words)
    return " ".join(rng.choices(vocabulary, k=length)).capitalize() + "."


def _link(rng: random.Random, vocabulary: Sequence[str]) -> dict[str, Any]:
    text, start = rng.choice(vocabulary), rng.randint(0, 200)
    place = {"paragraph_id": rng.randint(1, PARAGRAPHS - 1), "start": start, "end": start + len(text)}
    return {"text": text, "href": text.title(), **place}
