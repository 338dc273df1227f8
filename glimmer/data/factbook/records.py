"""Facts as KILT records of four task families."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from glimmer.data.factbook.facts import Fact
from glimmer.data.text import plain
from glimmer.data.values import Output, Passage, Provenance, Record

MOST = {"train": 150, "dev": 12, "test": 20}
"""Questions of one relation in a split of a task: no relation crowds out the others."""
HOPS = {"train": 6, "dev": 40, "test": 12}
"""Multi-hop questions made from one bridge."""
MOST_ABOUT = {"train": 240, "dev": 120, "test": 120}
"""Multi-hop questions that lead to one place: large economies are everyone's partner."""
TWO_HOP = {
    "candidates": "two_step: BM25 about the places that the question names, then about those named there near its words"
}

Item = tuple[str, tuple[Output, ...], dict[str, Any]]


def make_records(task: str, split: str, facts: Sequence[Fact]) -> list[Record]:
    """The records of a task and split, from the facts of that split's places alone."""
    rng = random.Random(f"{task} {split}")
    make = {"open_qa": _open_qa, "slot_filling": _slots, "fact_verification": _claims, "multi_hop": _multi_hop}[task]
    # The same words can ask for two facts (two lakes of one size): such a question has no one answer.
    items: dict[str, list[Item]] = defaultdict(list)
    for item in make(facts, split, rng):
        items[item[0]].append(item)
    unique = [same[0] for same in items.values() if len(same) == 1]
    rng.shuffle(unique)
    if task == "fact_verification":
        unique = _balanced(unique)
    return [Record(f"{task}-{split}-{i:05d}", *item) for i, item in enumerate(unique)]


def _open_qa(facts: Sequence[Fact], split: str, rng: random.Random) -> Iterator[Item]:
    for fact in _capped(facts, split, rng):
        if question := _asked(fact, [q.format(c=fact.place.phrase, k=fact.key) for q in fact.relation.questions], rng):
            yield question, _outputs(fact.answers, fact.gold), _meta(fact)


def _slots(facts: Sequence[Fact], split: str, rng: random.Random) -> Iterator[Item]:
    for fact in _capped(facts, split, rng):
        slots = [f"{fact.place.name} [SEP] {slot.format(k=fact.key)}" for slot in fact.relation.slots]
        if question := _asked(fact, slots, rng):
            yield question, _outputs(fact.answers, fact.gold), _meta(fact)


def _asked(fact: Fact, phrasings: Sequence[str], rng: random.Random) -> str | None:
    """One of the phrasings that do not hold an answer."""
    fair = [text for text in phrasings if not any(plain(answer) in plain(text) for answer in fact.answers)]
    return rng.choice(fair) if fair else None


def _claims(facts: Sequence[Fact], split: str, rng: random.Random) -> Iterator[Item]:
    """Per relation as many true claims as false ones, so that the relation says nothing about the label."""
    values: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        values[fact.relation.name].append(fact)
    chosen: dict[str, list[Fact]] = defaultdict(list)
    for fact in _capped([f for f in facts if f.relation.claims], split, rng):
        chosen[fact.relation.name].append(fact)
    for name, members in chosen.items():
        false = [(fact, value) for fact in members[::2] if (value := _false_value(fact, values[name], rng))]
        true = [(fact, rng.choice(fact.answers)) for fact in members[1::2]]
        for label, pairs in (("SUPPORTS", true[: len(false)]), ("REFUTES", false[: len(true)])):
            for fact, value in pairs:
                claim = rng.choice(fact.relation.claims).format(c=fact.place.phrase, k=fact.key, a=value)
                meta = {**_meta(fact), "value": value}
                evidence = value if label == "SUPPORTS" else fact.answers[0]
                yield claim[0].upper() + claim[1:], _outputs((label,), fact.gold, evidence=(evidence,)), meta


def _balanced(items: list[Item]) -> list[Item]:
    """Drop the last few of the label that has more."""
    supports = [item for item in items if item[1][0].answer == "SUPPORTS"]
    least = min(len(supports), len(items) - len(supports))
    seen = {"SUPPORTS": 0, "REFUTES": 0}
    kept = []
    for item in items:
        label = str(item[1][0].answer)
        seen[label] += 1
        if seen[label] <= least:
            kept.append(item)
    return kept


def _false_value(fact: Fact, others: Sequence[Fact], rng: random.Random) -> str | None:
    """The value that another place has, if it is surely not one of this fact's."""
    truths = [plain(answer) for answer in fact.answers]
    for other in rng.sample(others, len(others)):
        value = rng.choice(other.answers)
        text = plain(value)
        overlaps = any(text in truth or truth in text for truth in truths)
        in_claim = text in plain(f"{fact.place.name} {fact.key}")
        if other.place != fact.place and not overlaps and not in_claim and text not in fact.context:
            return value
    return None


def _multi_hop(facts: Sequence[Fact], split: str, rng: random.Random) -> Iterator[Item]:
    """Questions about a place that is only described: its name stands in the first gold passage."""
    by_name = {plain(fact.place.name): fact.place for fact in facts}
    by_name |= {plain(f.answers[0]): f.place for f in facts if f.relation.name == "long_name"}
    second: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        # Yes and no can be guessed without any hop.
        if not fact.key and not fact.relation.bridges and fact.answers[0] not in ("yes", "no"):
            second[fact.place.code].append(fact)
    about: Counter[str] = Counter()
    for first in rng.sample(facts, len(facts)):
        place = by_name.get(plain(first.answers[0]))
        if not first.relation.bridges or place is None or place == first.place:
            continue
        room = MOST_ABOUT[split] - about[place.code]
        options = [fact for fact in second[place.code] if _needs_both(first, fact)]
        for fact in rng.sample(options, min(HOPS[split], room, len(options))):
            bridge = rng.choice(first.relation.bridges).format(c=first.place.phrase, k=first.key)
            question = _asked(fact, [q.format(c=bridge, k="") for q in fact.relation.questions], rng)
            if question and plain(place.name) not in plain(question):
                about[place.code] += 1
                yield question, _outputs(fact.answers, first.gold, fact.gold), {**_meta(fact), **_bridge_meta(first)}


def _needs_both(first: Fact, second: Fact) -> bool:
    """Whether the answer stands in the second gold passage only."""
    passage = plain(first.gold.text)
    return first.gold != second.gold and not any(plain(answer) in passage for answer in second.answers)


def _bridge_meta(first: Fact) -> dict[str, Any]:
    return {"bridge_relation": first.relation.name, "bridge_country": first.place.name, **TWO_HOP}


def _capped(facts: Sequence[Fact], split: str, rng: random.Random) -> Iterator[Fact]:
    """The facts in random order, at most so many of each relation."""
    taken: Counter[str] = Counter()
    for fact in rng.sample(facts, len(facts)):
        taken[fact.relation.name] += 1
        if taken[fact.relation.name] <= MOST[split]:
            yield fact


def _outputs(answers: Sequence[str], *gold: Passage, evidence: tuple[str, ...] = ()) -> tuple[Output, ...]:
    provenance = tuple(Provenance(passage.id, passage.title, evidence=evidence) for passage in gold)
    return tuple(Output(answer, provenance) for answer in answers)


def _meta(fact: Fact) -> dict[str, Any]:
    return {"relation": fact.relation.name, "country": fact.place.name}
