"""A page cut into passages: whole sentences of one section, as many as fit."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from glimmer.data.knowledge.pages import Page
from glimmer.data.knowledge.sentences import sentences
from glimmer.data.spans import Span

SECTION = "Section::::"
_LIST_ITEM = re.compile(r"BULLET::::(?:[-*#:;]|\d+\.)*")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a paragraph, such as a sentence: characters ``start`` to ``end`` (exclusive)."""

    paragraph: int
    start: int
    end: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """A passage's text, its section, and the stretch of the page that it was cut from."""

    section: str
    text: str
    span: Span


def cut_page(page: Page, most: int) -> Iterator[Cut]:
    """The passages of a page, in order, each of at most ``most`` words of one section.

    The title (paragraph 0) and the lines that begin a section are no text. Sentences are joined, over paragraphs too,
    as long as they fit; one with more words than ``most`` is cut after every ``most`` words. White space is squeezed,
    and the mark of a list's item left out.
    """
    for name, paragraphs in _sections(page):
        held: list[Piece] = []
        count = 0
        for piece in _pieces(page, paragraphs, most):
            if held and count + len(piece.words) > most:
                yield _join(name, held)
                held, count = [], 0
            held.append(piece)
            count += len(piece.words)
        if held:
            yield _join(name, held)


def _sections(page: Page) -> Iterator[tuple[str, list[int]]]:
    """Every section's name, empty before the first, and its paragraphs."""
    name = ""
    paragraphs: list[int] = []
    for number, paragraph in enumerate(page.paragraphs):
        if paragraph.startswith(SECTION):
            yield name, paragraphs
            name, paragraphs = _name(paragraph), []
        elif number > 0:
            paragraphs.append(number)
    yield name, paragraphs


def _name(paragraph: str) -> str:
    """``Section::::History.:Early years.`` is ``History: Early years``."""
    parts = paragraph.removeprefix(SECTION).strip().removesuffix(".").split(".:")
    return ": ".join(part.strip() for part in parts)


def _pieces(page: Page, paragraphs: Sequence[int], most: int) -> Iterator[Piece]:
    for number in paragraphs:
        paragraph = page.paragraphs[number]
        mark = _LIST_ITEM.match(paragraph)
        offset = mark.end() if mark else 0
        for start, end in sentences(paragraph[offset:]):
            start, end = start + offset, end + offset
            words = tuple(paragraph[start:end].split())
            if len(words) <= most:
                yield Piece(number, start, end, words)
            else:
                yield from _cut_words(number, paragraph, start, end, most)


def _cut_words(number: int, paragraph: str, start: int, end: int, most: int) -> Iterator[Piece]:
    """A long sentence in pieces of ``most`` words, and what remains."""
    words = _WORD.finditer(paragraph, start, end)
    while group := list(islice(words, most)):
        yield Piece(number, group[0].start(), group[-1].end(), tuple(word[0] for word in group))


def _join(section: str, pieces: Sequence[Piece]) -> Cut:
    first, last = pieces[0], pieces[-1]
    text = " ".join(word for piece in pieces for word in piece.words)
    return Cut(section, text, Span(first.paragraph, first.start, last.paragraph, last.end))
