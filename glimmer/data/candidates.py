"""Which candidates of a question make up its K passages."""

import random
from collections.abc import Callable, Sequence

from glimmer.data.text import plain
from glimmer.data.values import Candidate, Example, Passage

FindPassage = Callable[[str], Passage]


def distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates without repeated passages; the first of each stays."""
    first: dict[str, Candidate] = {}
    for candidate in candidates:
        first.setdefault(candidate.passage.id, candidate)
    return list(first.values())


def choose(
    example: Example,
    k: int | None,
    *,
    ensure_gold: bool,
    sample: bool,
    rng: random.Random,
    find: FindPassage | None,
) -> list[Candidate]:
    """Choose at most ``k`` candidates (None = all), in retrieval order.

    ``sample`` draws them at random instead of taking the first. ``ensure_gold`` makes sure of the gold passages that
    one valid answer needs, those that hold the target first where ``k`` has no room for all of them; a gold passage
    that was not retrieved comes last. It changes nothing where some answer's gold passages are there already, or
    where none is known.
    """
    retrieved = distinct(example.candidates)
    needed = _needed(example, retrieved, k, find) if ensure_gold else []
    if not sample:
        chosen = retrieved[:k]
        if not needed or any(_covers(chosen, ids) for ids in _evidence(example)):
            return chosen
    ids = {c.passage.id for c in needed}
    others = [c for c in retrieved if c.passage.id not in ids]
    room = len(others) if k is None else min(k - len(needed), len(others))
    kept = set(rng.sample(range(len(others)), room) if sample else range(room)) if room > 0 else set()
    ids |= {c.passage.id for i, c in enumerate(others) if i in kept}
    there = [c for c in retrieved if c.passage.id in ids]
    known = {c.passage.id for c in there}
    return there + [c for c in needed if c.passage.id not in known]


def _evidence(example: Example) -> list[tuple[str, ...]]:
    """The gold passages of every valid answer, those of the target first; of the flags where there is no record."""
    if example.record is None:
        flagged = tuple(c.passage.id for c in example.candidates if c.gold)
        return [flagged] if flagged else []
    outputs = sorted(example.record.outputs, key=lambda o: o.answer != example.target)
    return [tuple(dict.fromkeys(p.passage_id for p in o.provenance)) for o in outputs if o.provenance]


def _covers(chosen: Sequence[Candidate], ids: Sequence[str]) -> bool:
    return {c.passage.id for c in chosen}.issuperset(ids)


def _needed(
    example: Example, retrieved: Sequence[Candidate], k: int | None, find: FindPassage | None
) -> list[Candidate]:
    evidence = _evidence(example)
    if not evidence:
        return []
    there = {c.passage.id: c for c in retrieved}
    lowest = min((c.score for c in retrieved), default=0.0)
    gold = []
    for passage_id in evidence[0]:
        if passage_id in there:
            gold.append(there[passage_id])
        elif find is not None:
            gold.append(Candidate(find(passage_id), lowest, True))
    if k is not None and len(gold) > k:
        target = plain(example.target)
        gold.sort(key=lambda c: target not in plain(c.passage.text))
    return gold[:k]
