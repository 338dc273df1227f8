"""A passage as the JSON object of its line: ``{id, title, text}``, with the split of its document where known.

Passages cut from KILT's knowledge source name their page too, ``wikipedia_id``, and the stretch of it that they hold.
"""

from typing import Any

from glimmer.data.kilt import id_text
from glimmer.data.spans import read_span, span_object
from glimmer.data.values import Passage
from glimmer.errors import DataError, suggest

EXPECTED = 'a passage {"id": text, "title": text, "text": text}'


def parse_passage(where: str, item: dict[str, Any]) -> Passage:
    """The passage of an object; ``where`` names its line.

    Raises:
        DataError: something is missing or of the wrong kind, or the stretch of the page is none.
    """
    name, title, text = (_text(where, item, key) for key in ("id", "title", "text"))
    if item.get("wikipedia_id") is None:
        return Passage(name, title, text)
    page = _text(where, item | {"wikipedia_id": id_text(item["wikipedia_id"])}, "wikipedia_id")
    try:
        return Passage(name, title, text, page, read_span(item))
    except DataError as error:
        raise DataError(f"{where}: {error}") from None


def parse_split(where: str, item: dict[str, Any]) -> str | None:
    """The split that an object names, None where it names none.

    Raises:
        DataError: it is no text.
    """
    return _text(where, item, "split") if "split" in item else None


def passage_object(passage: Passage, split: str | None = None) -> dict[str, Any]:
    """The object of a passage; reading it gives an equal one."""
    item: dict[str, Any] = {"id": passage.id, "title": passage.title, "text": passage.text}
    if passage.wikipedia_id is not None:
        item["wikipedia_id"] = passage.wikipedia_id
    if passage.span is not None:
        item |= span_object(passage.span)
    return item if split is None else {**item, "split": split}


def _text(where: str, item: dict[str, Any], key: str) -> str:
    if key not in item:
        raise DataError(f"{where}: the passage has no {key!r}; {suggest(key, item)}; expected {EXPECTED}")
    value = item[key]
    if not isinstance(value, str) or (key != "title" and not value.strip()):
        raise DataError(f"{where}: {key!r} of a passage must be non-empty text, found {value!r:.60}")
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise DataError(f"{where}: {key!r} of a passage has half a surrogate pair, which is no text: {value!r:.60}")
    return value
