"""Pages of KILT's knowledge source (arXiv 2009.02252): JSON lines ``{wikipedia_id, wikipedia_title, text: [...]}``."""

import json
from dataclasses import dataclass
from typing import Any

from glimmer.errors import DataError, suggest

EXPECTED = 'a page {"wikipedia_id": text, "wikipedia_title": text, "text": [paragraph, …], …}'


@dataclass(frozen=True, slots=True)
class Page:
    """A page: paragraph 0 is its title, and a paragraph ``Section::::NAME.`` begins a section."""

    wikipedia_id: str
    title: str
    paragraphs: list[str]


def parse_page(line: bytes) -> Page:
    """A page of its line.

    Raises:
        DataError: the line is no page; the message says why, and leaves to the caller where.
    """
    try:
        item = json.loads(line)
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 text: {error.reason} at byte {error.start} of the line") from None
    except (ValueError, RecursionError) as error:  # the latter where lists are nested by the thousand
        cut = "" if line.endswith(b"\n") else " (the file seems truncated: its last line has no end)"
        raise DataError(f"not JSON: {getattr(error, 'msg', error)}{cut}; expected {EXPECTED}") from None
    if not isinstance(item, dict):
        raise DataError(f"expected {EXPECTED}, found {item!r:.60}")
    page = Page(_text(item, "wikipedia_id"), _text(item, "wikipedia_title"), _value(item, "text"))
    if not isinstance(page.paragraphs, list) or not all(isinstance(p, str) for p in page.paragraphs):
        raise DataError(f"'text' of a page must be a list of paragraphs, found {page.paragraphs!r:.60}")
    return page


def _value(item: dict[str, Any], key: str) -> Any:
    if key not in item:
        raise DataError(f"the page has no {key!r}; {suggest(key, item)}; expected {EXPECTED}")
    return item[key]


def _text(item: dict[str, Any], key: str) -> str:
    value = _value(item, key)
    if key == "wikipedia_id" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{key!r} of a page must be non-empty text, found {value!r:.60}")
    return value.strip()
