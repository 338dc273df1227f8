"""Retrieval metrics that know about evidence sets (KILT, arXiv 2009.02252, its retrieval evaluation).

A question may have several gold outputs, each with an evidence set: the pages or passages that together support the
answer. Ids are whatever key the caller ranks by, passage ids or page ids.
"""

from collections.abc import Sequence

from glimmer.data.values import Record

Evidence = frozenset[str]


def evidence_sets(record: Record) -> tuple[Evidence, ...]:
    """The distinct sets of gold passage ids of a record's outputs, in file order; outputs without any are left out."""
    sets = (frozenset(p.passage_id for p in output.provenance) for output in record.outputs)
    return tuple(dict.fromkeys(found for found in sets if found))


def r_precision(ranked: Sequence[str], evidence: Sequence[Evidence]) -> float:
    """The share of an evidence set of R ids that stands among the first R ranked ids; the best over the sets."""
    ids = tuple(dict.fromkeys(ranked))
    return max((len(gold.intersection(ids[: len(gold)])) / len(gold) for gold in evidence if gold), default=0.0)


def evidence_rank(ranked: Sequence[str], evidence: Sequence[Evidence]) -> list[bool]:
    """The ranking with every evidence set as one item: True where its last id stands, False for all other items.

    A set of which only a part was found takes one place too, where the latest of its ids stands.
    """
    missing = [set(gold) for gold in dict.fromkeys(evidence)]
    items: list[bool | None] = []
    place: dict[int, int] = {}
    for found in dict.fromkeys(ranked):
        holders = [number for number, gold in enumerate(missing) if found in gold]
        if not holders:
            items.append(False)
        for number in holders:
            if number in place:
                items[place[number]] = None
            missing[number].discard(found)
            place[number] = len(items)
            items.append(not missing[number])
    return [bool(item) for item in items if item is not None]


def precision_at(k: int, ranked: Sequence[str], evidence: Sequence[Evidence]) -> float:
    """The number of complete evidence sets in the first ``k`` items of the ranking, over ``k``."""
    return sum(evidence_rank(ranked, evidence)[:k]) / k


def recall_at(k: int, ranked: Sequence[str], evidence: Sequence[Evidence]) -> float:
    """The share of the evidence sets that are complete in the first ``k`` items of the ranking; 0 without ids."""
    distinct = set(evidence)
    return sum(evidence_rank(ranked, evidence)[:k]) / len(distinct) if distinct else 0.0


def success_at(k: int, ranked: Sequence[str], evidence: Sequence[Evidence]) -> float:
    """1 where an evidence set is complete in the first ``k`` items of the ranking, else 0."""
    return float(any(evidence_rank(ranked, evidence)[:k]))
