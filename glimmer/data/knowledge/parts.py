"""The passages of one shard on disk: ``NUMBER.jsonl``, and ``NUMBER.npz`` with what the index needs of them."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from glimmer.data.files import json_line, write_bytes
from glimmer.data.index import Block, key_of
from glimmer.data.knowledge.cut import Cut, cut_page
from glimmer.data.knowledge.pages import Page, parse_page
from glimmer.data.knowledge.source import Shard, lines
from glimmer.errors import DataError

SPANS, PAGES = "spans.npy", "pages.npy"


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
    text = io.BytesIO()
    lengths: list[int] = []
    keys: list[int] = []
    spans: list[tuple[int, int, int, int]] = []
    pages: list[int] = []
    for offset, line in lines(source, shard):
        try:
            page = parse_page(line)
            made = [_line(page, number, cut) for number, cut in enumerate(cut_page(page, words))]
        except DataError as error:
            raise BrokenLineError(offset, str(error)) from None
        except UnicodeEncodeError:
            raise BrokenLineError(offset, "the page holds half of a surrogate pair, which is no text") from None
        pages.append(len(made))
        for passage_id, encoded, span in made:
            text.write(encoded)
            lengths.append(len(encoded))
            keys.append(key_of(passage_id))
            spans.append(span)
    arrays = io.BytesIO()
    np.savez(
        arrays,
        lengths=np.array(lengths, np.int64),
        keys=np.array(keys, np.uint64),
        spans=np.array(spans, np.int32).reshape(-1, 4),
        pages=np.array(pages, np.int64),
    )
    write_bytes(part.with_suffix(".npz"), arrays.getbuffer())
    write_bytes(part.with_suffix(".jsonl"), text.getbuffer())


def _line(page: Page, number: int, cut: Cut) -> tuple[str, bytes, tuple[int, int, int, int]]:
    """A passage's id, its line in the file, and where it begins and ends."""
    passage_id = f"{page.wikipedia_id}-{number}"
    item = {"id": passage_id, "title": page.title, "text": cut.text, "wikipedia_id": page.wikipedia_id, **asdict(cut)}
    span = (cut.start_paragraph_id, cut.start_character, cut.end_paragraph_id, cut.end_character)
    return passage_id, json_line(item), span


def text_of(part: Path) -> Path:
    """The passages of a part; where they are, the part is done."""
    return part.with_suffix(".jsonl")


def counts(part: Path) -> tuple[int, int]:
    """The pages and passages of a part."""
    return len(_array(part, "pages")), len(_array(part, "lengths"))


def blocks(parts: Sequence[Path]) -> Iterator[Block]:
    """The lines of each part."""
    for part in parts:
        yield Block(_array(part, "lengths"), _array(part, "keys"))


def write_spans(folder: Path, parts: Sequence[Path], passages: int) -> None:
    """Write where all passages stand: ``spans.npy`` and ``pages.npy`` (see ``glimmer.data.knowledge.spans``)."""
    pages = sum(int(np.count_nonzero(_array(part, "pages"))) for part in parts)
    spans = open_memmap(folder / SPANS, "w+", np.int32, (passages, 4))
    begins = open_memmap(folder / PAGES, "w+", np.int64, (pages + 1,))
    row = page = 0
    for part in parts:
        held, some = _array(part, "pages"), _array(part, "spans")
        held = held[held > 0]
        begins[page : page + len(held)] = row + np.cumsum(held) - held
        spans[row : row + len(some)] = some
        row, page = row + len(some), page + len(held)
    begins[page] = passages
    spans.flush()
    begins.flush()


def _array(part: Path, name: str) -> NDArray[Any]:
    with np.load(part.with_suffix(".npz")) as arrays:
        array: NDArray[Any] = arrays[name]
    return array
