"""Small knowledge sources on disk."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def page(number: int, *paragraphs: str) -> dict[str, Any]:
    """A page of these paragraphs after its title."""
    title = f"Page {number}"
    return {"wikipedia_id": str(number), "wikipedia_title": title, "text": [f"{title}\n", *paragraphs], "anchors": []}


def write_source(path: Path, pages: Sequence[dict[str, Any]]) -> Path:
    """Write pages as KILT does, a line each."""
    path.write_text("".join(json.dumps(item) + "\n" for item in pages))
    return path


def varied_pages(count: int) -> list[dict[str, Any]]:
    """Pages of different lengths, with sections, lists, letters of two bytes, and some without any text."""
    pages = []
    for n in range(count):
        body = [
            f"Sentence {i} of page {n} says é and {'more ' * (i % 7)}words. " * (n % 4) + "\n" for i in range(n % 5)
        ]
        section = ["Section::::Past.:Early years.\n", "BULLET::::- One thing.\n", "BULLET::::- Another.\n"]
        pages.append(page(n, *body, *(section if n % 3 == 0 else [])))
    return pages
