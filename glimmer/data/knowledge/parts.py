"""The passages of one shard on disk: ``NUMBER.jsonl``, and ``NUMBER.npz`` with what the index needs of them."""

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from glimmer.data.files import json_line, write_bytes
from glimmer.data.index import Block, block_of
from glimmer.data.knowledge.cut import Cut, cut_page
from glimmer.data.knowledge.pages import Page, parse_page
from glimmer.data.knowledge.source import Shard, lines
from glimmer.data.spans import Span, span_object
from glimmer.errors import DataError


class BrokenLineError(Exception):
    """A line that is no page, by the byte where it begins."""

    def __init__(self, offset: int, problem: str) -> None:
        super().__init__(offset, problem)
        self.offset, self.problem = offset, problem


def cut_shard(source: Path, shard: Shard, words: int, part: Path) -> None:
    """Write the passages of a shard, ``PART.jsonl``, and what the index needs of them, ``PART.npz``, which comes first.

    Raises:
        BrokenLineError: a line is no page.
        DataError: the source cannot be read, or the disk refuses a write.
    """
    text, digest = io.BytesIO(), hashlib.sha256()
    lengths: list[int] = []
    ids: list[str] = []
    pages: list[str] = []
    spans: list[Span] = []
    count = 0
    for offset, line in lines(source, shard):
        digest.update(line)
        try:
            page = parse_page(line)
            for number, cut in enumerate(cut_page(page, words)):
                item = _item(page, number, cut)
                lengths.append(text.write(json_line(item)))
                ids.append(item["id"])
                pages.append(page.wikipedia_id)
                spans.append(cut.span)
        except DataError as error:
            raise BrokenLineError(offset, str(error)) from None
        except UnicodeEncodeError:
            raise BrokenLineError(offset, "the page holds half of a surrogate pair, which is no text") from None
        count += 1
    arrays = io.BytesIO()
    block = block_of(ids, pages, spans, lengths)
    np.savez(arrays, pages=count, source_sha256=digest.hexdigest(), **vars(block))
    write_bytes(part.with_suffix(".npz"), arrays.getbuffer())
    write_bytes(part.with_suffix(".jsonl"), text.getbuffer())


def _item(page: Page, number: int, cut: Cut) -> dict[str, Any]:
    """A passage's line, as ``glimmer.data.passage_lines`` reads it, with the section that it stands in."""
    item = {"id": f"{page.wikipedia_id}-{number}", "title": page.title, "text": cut.text}
    return {**item, "wikipedia_id": page.wikipedia_id, **span_object(cut.span), "section": cut.section}


def recut_shard(source: Path, shard: Shard, words: int, part: Path) -> None:
    """Write a shard's part anew where it was cut from other lines; reading them is many times faster than cutting.

    Raises:
        BrokenLineError: a line is no page.
        DataError: the source cannot be read, or the disk refuses a write.
    """
    digest = hashlib.sha256()
    for _, line in lines(source, shard):
        digest.update(line)
    if _load(part)["source_sha256"] != digest.hexdigest():
        text_of(part).unlink()
        cut_shard(source, shard, words, part)


def text_of(part: Path) -> Path:
    """The passages of a part; where they are, the part is done."""
    return part.with_suffix(".jsonl")


def counts(part: Path) -> tuple[int, int]:
    """The pages and passages of a part."""
    found = _load(part)
    return int(found["pages"]), len(found["lengths"])


def blocks(parts: Iterable[Path]) -> Iterator[Block]:
    """The lines of each part."""
    for part in parts:
        found = _load(part)
        yield Block(**{field.name: found[field.name] for field in fields(Block)})


def _load(part: Path) -> dict[str, Any]:
    with np.load(part.with_suffix(".npz")) as arrays:
        return dict(arrays)
