"""Which candidates of a question make up its K passages."""

import random
from collections.abc import Callable, Sequence

from glimmer.data.text import plain
from glimmer.data.values import Candidate, Example, Passage, Provenance

FindPassage = Callable[[Provenance], Passage | None]
"""Finds a passage of the collection that a provenance names."""


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
    sample_from: int | None = None,
    rng: random.Random,
    find: FindPassage | None,
) -> list[Candidate]:
    """Choose at most ``k`` candidates (None = all), in retrieval order.

    ``sample`` draws them at random, from the first ``sample_from`` (None = all), instead of taking the first.
    ``ensure_gold`` makes sure of the gold passages that one valid answer needs, those that hold the target first where
    ``k`` has no room for all of them; a gold passage that was not retrieved comes last. It changes nothing where some
    answer's gold passages are there already, or where none is known. Of the passages that share the stretch of a page
    that is gold, one is enough.
    """
    retrieved = distinct(example.candidates)
    needed = _needed(example, retrieved, k, find) if ensure_gold else []
    if not sample:
        chosen = retrieved[:k]
        if not needed or any(_covers(chosen, gold) for gold in _evidence(example)):
            return chosen
    ids = {c.passage.id for c in needed}
    others = [c for c in retrieved if c.passage.id not in ids]
    if sample:
        others = others[:sample_from]
    room = len(others) if k is None else min(k - len(needed), len(others))
    kept = set(rng.sample(range(len(others)), room) if sample else range(room)) if room > 0 else set()
    ids |= {c.passage.id for i, c in enumerate(others) if i in kept}
    there = [c for c in retrieved if c.passage.id in ids]
    known = {c.passage.id for c in there}
    return there + [c for c in needed if c.passage.id not in known]


def _evidence(example: Example) -> list[tuple[Provenance, ...]]:
    """What every valid answer needs, those of the target first; of the flags where there is no record."""
    if example.record is None:
        flagged = tuple(Provenance(c.passage.id) for c in example.candidates if c.gold)
        return [flagged] if flagged else []
    outputs = sorted(example.record.outputs, key=lambda o: o.answer != example.target)
    return [o.provenance for o in outputs if o.provenance]


def _covers(chosen: Sequence[Candidate], gold: Sequence[Provenance]) -> bool:
    return all(any(provenance.names(c.passage) for c in chosen) for provenance in gold)


def _needed(
    example: Example, retrieved: Sequence[Candidate], k: int | None, find: FindPassage | None
) -> list[Candidate]:
    evidence = _evidence(example)
    if not evidence:
        return []
    lowest = min((c.score for c in retrieved), default=0.0)
    gold: list[Candidate] = []
    for provenance in evidence[0]:
        there = next((c for c in [*gold, *retrieved] if provenance.names(c.passage)), None)
        if there is None and find is not None and (found := find(provenance)) is not None:
            there = Candidate(found, lowest, True)
        if there is not None and there not in gold:
            gold.append(there)
    if k is not None and len(gold) > k:
        target = plain(example.target)
        gold.sort(key=lambda c: target not in plain(c.passage.text))
    return gold[:k]
