"""Passages of 40 to 100 words: consecutive fields of a section, cut where the words come out most even."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from glimmer.data.factbook.source import Field, Place
from glimmer.data.values import Passage

SHORTEST, AIM, LONGEST = 40, 64, 100
"""Words of a passage: the least, the preferred and the most."""
_PIECE = 24
"""Words of a piece of a long field: fine enough that some way of joining pieces gives the allowed sizes."""
_CUT_PENALTY = 200.0
"""What a cut within a field costs, in squared words off the preferred size."""

_BORDERS = (r"(?<=[a-z\d)\"'][.!?]) (?=[A-Z\"'(])", r"(?<=;) ", r"(?<=,) ", r" ")
"""Where a long text may be cut, best first: sentences, clauses, list items, words."""


@dataclass(frozen=True)
class Piece:
    """A field, or a part of a long one."""

    field: Field
    text: str


def make_passages(place: Place, fields: Sequence[Field]) -> Iterator[tuple[Passage, tuple[Field, ...]]]:
    """The passages of a place, each with the fields that it holds (whole or in part)."""
    number = 0
    for title, section in _sections(fields):
        pieces = [Piece(f, text) for f in section for text in _cut(f.text, 0)]
        for group in _pack(pieces):
            passage = Passage(f"{place.code}-{number:03d}", f"{place.name}: {title}", _render(group))
            number += 1
            yield passage, tuple(dict.fromkeys(piece.field for piece in group))


def _sections(fields: Sequence[Field]) -> list[tuple[str, list[Field]]]:
    """The fields by section; a section too short for a passage is joined to the one before it (or after)."""
    by_name: dict[str, list[Field]] = {}
    for field in fields:
        by_name.setdefault(field.section, []).append(field)
    sections: list[tuple[str, list[Field]]] = []
    for name, members in by_name.items():
        too_short = sections and min(_size(sections[-1][1]), _size(members)) < SHORTEST
        if too_short:
            before, first = sections.pop()
            name, members = f"{before}, {name}", first + members
        sections.append((name, members))
    return sections


def _size(fields: Sequence[Field]) -> int:
    return len(_render([Piece(f, f.text) for f in fields]).split())


def _cut(text: str, border: int) -> list[str]:
    """Cut a long text into pieces of about equal size at the best borders that allow it."""
    words = len(text.split())
    if words <= _PIECE:
        return [text]
    parts = [p for part in re.split(_BORDERS[border], text) for p in (_cut(part, border + 1))]
    aim = words / -(-words // _PIECE)
    pieces, size = [parts[0]], len(parts[0].split())
    for part in parts[1:]:
        more = len(part.split())
        if size + more / 2 > aim or size + more > _PIECE:
            pieces.append(part)
            size = more
        else:
            pieces[-1] += " " + part
            size += more
    return pieces


def _pack(pieces: Sequence[Piece]) -> list[Sequence[Piece]]:
    """Cut the sequence into passages with the least sum of squared distances from the preferred size."""
    alone = [len(f"{piece.field.label} {piece.text}".split()) for piece in pieces]
    after = [len(f"{_heading(piece, before)} {piece.text}".split()) for before, piece in pairwise(pieces)]
    ends = list(accumulate(after, initial=alone[0]))

    best: list[tuple[float, int]] = [(0.0, 0)]
    for stop in range(1, len(pieces) + 1):
        options = []
        for start in range(stop - 1, -1, -1):
            words = alone[start] + ends[stop - 1] - ends[start]
            if words > LONGEST and start < stop - 1:
                break
            penalty = 0.0 if SHORTEST <= words <= LONGEST else 1e6
            if start and pieces[start - 1].field == pieces[start].field:
                penalty += _CUT_PENALTY
            options.append((best[start][0] + penalty + (words - AIM) ** 2, start))
        best.append(min(options))
    groups, stop = [], len(pieces)
    while stop:
        start = best[stop][1]
        groups.append(pieces[start:stop])
        stop = start
    return groups[::-1]


def _heading(piece: Piece, before: Piece | None) -> str:
    """What stands before a piece: a field is named in full only where it begins, its sub-fields by themselves."""
    field = piece.field
    if before is None or field.name != before.field.name:
        return field.label
    if field == before.field:
        return ""
    return f"{field.sub[0].upper()}{field.sub[1:]}" if field.sub else field.label


def _render(pieces: Sequence[Piece]) -> str:
    """``Field - sub: text. Sub: text.``: every field a sentence, its pieces joined again."""
    sentences: list[str] = []
    before: Piece | None = None
    for piece in pieces:
        heading = _heading(piece, before)
        if heading or before is None:
            sentences.append(f"{heading}: {piece.text}")
        else:
            sentences[-1] += f" {piece.text}"
        before = piece
    return " ".join(map(_ended, sentences))


def _ended(sentence: str) -> str:
    sentence = sentence.rstrip(";, ")
    return sentence if sentence.rstrip('"')[-1] in ".!?" else f"{sentence}."
