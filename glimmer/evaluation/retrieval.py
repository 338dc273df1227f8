"""Retrieval metrics that know about evidence sets (KILT, arXiv 2009.02252, its retrieval evaluation).

A question may have several gold outputs, each with an evidence set: the pages or passages that together support the
answer. Ids are whatever key the caller ranks by, passage ids or page ids.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # or torch would be imported only to score files
    from glimmer.data.values import Record

Evidence = frozenset[str]


def evidence_sets(record: "Record") -> tuple[Evidence, ...]:
    """The distinct sets of what a record's outputs name, in file order; outputs that name nothing are left out.

    What is named are passage ids, or pages where the record tells them (``Record.by_page``).
    """
    named = [[p.wikipedia_id if record.by_page else p.passage_id for p in o.provenance] for o in record.outputs]
    sets = (frozenset(name for name in names if name is not None) for names in named)
    return tuple(dict.fromkeys(found for found in sets if found))


def r_precision(ranked: Iterable[str], evidence: Iterable[Evidence]) -> float:
    """The share of an evidence set of R ids that stands among the first R ranked ids; the best over the sets."""
    ids = tuple(dict.fromkeys(ranked))
    return max((len(gold.intersection(ids[: len(gold)])) / len(gold) for gold in evidence if gold), default=0.0)


@dataclass(frozen=True)
class EvidenceRanking:
    """A ranking in which every evidence set is one item: True where its last id stands, False for all other items.

    A set of which only a part was found takes one place too, where the latest of its ids stands.
    """

    items: tuple[bool, ...]
    sets: int
    """How many distinct evidence sets there are."""

    def precision(self, k: int) -> float:
        """The number of complete evidence sets in the first ``k`` items, over ``k``."""
        return sum(self.items[:k]) / k

    def recall(self, k: int) -> float:
        """The share of the evidence sets that are complete in the first ``k`` items; 0 where there are none."""
        return sum(self.items[:k]) / self.sets if self.sets else 0.0

    def success(self, k: int) -> float:
        """1 where an evidence set is complete in the first ``k`` items, else 0."""
        return float(any(self.items[:k]))


def rank_evidence(ranked: Iterable[str], evidence: Iterable[Evidence]) -> EvidenceRanking:
    """Rank evidence sets by ids, best first; repeated ids and sets count once. Time O(ids + members of the sets).

    An empty set counts as one that no id completes, as KILT counts an output whose provenance is an empty list.
    """
    missing = [set(gold) for gold in dict.fromkeys(evidence)]
    holders: dict[str, list[int]] = defaultdict(list)
    for number, gold in enumerate(missing):
        for member in gold:
            holders[member].append(number)
    items: list[bool | None] = []
    place: dict[int, int] = {}
    for found in dict.fromkeys(ranked):
        if found not in holders:
            items.append(False)
            continue
        for number in holders[found]:
            if number in place:
                items[place[number]] = None
            missing[number].discard(found)
            place[number] = len(items)
            items.append(not missing[number])
    return EvidenceRanking(tuple(item for item in items if item is not None), len(missing))
