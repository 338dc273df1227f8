"""Facts: a place, a relation and its answers, each with the passage in which it stands."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glimmer.data.factbook.extract import Value
from glimmer.data.factbook.relations import RELATIONS
from glimmer.data.factbook.relations.base import Relation
from glimmer.data.factbook.source import Field, Place
from glimmer.data.text import plain
from glimmer.data.values import Passage


@dataclass(frozen=True)
class Fact:
    """A relation of a place, with every valid form of the answer and the passage that says so."""

    place: Place
    relation: Relation
    key: str
    answers: tuple[str, ...]
    gold: Passage
    context: str
    """All passages of the field, as ``plain`` text: a value that stands nowhere in it is not a value of the fact."""


def find_facts(place: Place, passages: Sequence[tuple[Passage, tuple[Field, ...]]]) -> Iterator[Fact]:
    """Every fact of a place that a passage of it holds, in the order of the relations."""
    holders: dict[Field, list[Passage]] = {}
    for passage, fields in passages:
        for field in fields:
            holders.setdefault(field, []).append(passage)
    texts = {passage.id: plain(passage.text) for passage, _ in passages}
    for relation in RELATIONS:
        yield from _facts(place, relation, holders, texts)


def _facts(
    place: Place, relation: Relation, holders: dict[Field, list[Passage]], texts: dict[str, str]
) -> Iterator[Fact]:
    fields = [f for f in holders if f.name == relation.field and (relation.sub in (f.sub, "*"))]
    values = [(field, value) for field in fields for value in relation.extract(field)]
    keys = Counter(value.key for _, value in values)
    for field, value in values:
        if relation.sub == "*" and keys[value.key] > 1:
            continue
        if (gold := _holder(value, relation, holders[field], texts)) is None:
            continue
        asked = plain(relation.questions[0].format(c=place.name, k=value.key))
        answers = tuple(a for a in value.answers if plain(a) in texts[gold.id] and plain(a) not in asked)
        if answers:
            yield Fact(place, relation, value.key, answers, gold, "".join(texts[p.id] for p in holders[field]))


def _holder(value: Value, relation: Relation, passages: Sequence[Passage], texts: dict[str, str]) -> Passage | None:
    """The first passage of the field in which the first form of the answer stands, with the key beside it."""
    needed = [plain(value.answers[0]), plain(value.key)]
    for passage in passages:
        if all(text in texts[passage.id] or not text.strip() for text in needed):
            return passage
    return None
