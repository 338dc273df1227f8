"""A relation of the Factbook: where its facts stand and how they are asked for."""

from dataclasses import dataclass

from glimmer.data.factbook.extract import Extractor


@dataclass(frozen=True)
class Relation:
    """A kind of fact.

    In the phrasings ``{c}`` is the place, ``{k}`` the key of the fact (empty for most) and ``{a}``, in claims,
    the answer. ``bridges`` are noun phrases for an answer that is itself a place, for multi-hop questions.
    """

    name: str
    field: str
    sub: str
    """The sub-field; ``*`` = every sub-field."""
    extract: Extractor
    questions: tuple[str, ...]
    slots: tuple[str, ...]
    claims: tuple[str, ...] = ()
    bridges: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.questions) < 3 or not self.slots:
            raise ValueError(f"relation {self.name!r} needs at least three questions and one slot name")


def relation(
    name: str,
    place: str,
    extract: Extractor,
    questions: str,
    slots: str,
    claims: str = "",
    bridges: str = "",
) -> Relation:
    """A relation from compact text: ``place`` is ``field > sub``; phrasings stand on lines of their own."""
    field, _, sub = place.partition(" > ")
    lines = (
        [line.strip() for line in text.strip().splitlines() if line.strip()]
        for text in (questions, slots, claims, bridges)
    )
    return Relation(name, field, sub, extract, *(tuple(item) for item in lines))
