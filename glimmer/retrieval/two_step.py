"""Retrieval in two steps, for questions about something that they describe but do not name."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest

from glimmer.data.text import plain
from glimmer.data.values import Passage
from glimmer.options import option
from glimmer.retrieval.base import Hits, register_retriever
from glimmer.retrieval.bm25 import Bm25, Bm25Config


@dataclass(kw_only=True)
class TwoStepConfig(Bm25Config):
    """Options of the two steps."""

    plurals: bool = option(True, "Search for plurals and singulars alike (the S stemmer of Harman, 1991)")
    read: int = option(5, "Passages of the first step in which names are looked for", least=1)
    names: int = option(4, "Names that are followed from a question, at most", least=1)


@dataclass(frozen=True, slots=True)
class _Lead:
    """A name to follow: where it stood, how near to the question's words, and which of them are left to search for."""

    name: str
    nearness: float
    row: int
    words: tuple[str, ...]


@register_retriever("two_step", TwoStepConfig)
class TwoStep(Bm25):
    """BM25 about what the question names, then about the names that stand there.

    The names are the subjects of the collection: what stands before the colon of a title, or all of a title without
    one. The first step looks for names in the best passages about the subjects that the question names, or in the best
    of all where it names none. Names that the question holds itself are passed over; of the others those are followed
    that stand nearest to the question's rarest words. The second step searches the passages about such a name for the
    words of the question that the first passage does not hold, for those that it holds are what led there. The result
    takes turns between the passages that led to names, with plain BM25 after them, and the second rankings, which take
    turns among themselves; its scores are reciprocal ranks. Neither answers nor gold passages are looked at.
    """

    config: TwoStepConfig

    @cached_property
    def _about(self) -> dict[str, list[int]]:
        """Subject → the rows of the passages about it."""
        about: dict[str, list[int]] = {}
        for row, passage in enumerate(self.passages):
            if name := plain(passage.title.partition(":")[0]).strip():
                about.setdefault(name, []).append(row)
        return about

    @cached_property
    def _subject(self) -> re.Pattern[str]:
        """A subject between words."""
        # Longest first: "Guinea-Bissau" is not "Guinea".
        names = sorted(self._about, key=lambda name: (-len(name), name))
        return re.compile(rf"(?<= )({'|'.join(map(re.escape, names))})(?= )") if names else re.compile(r"(?!)")

    def retrieve(self, queries: Sequence[str], k: int) -> list[Hits]:
        """The best ``k`` passages of every query; passages without a word of it are left out."""
        return [self._two_steps(query, k) for query in queries]

    def _two_steps(self, query: str, k: int) -> Hits:
        leads = self._leads(query)
        first = dict.fromkeys([*(x.row for x in leads), *(row for row, _ in self._best(self._words(query), k))])
        second = _in_turns([[row for row, _ in self._best(x.words, k, self._about[x.name])] for x in leads])
        order = _in_turns([list(first), second])[:k]
        return [(row, 1 / rank) for rank, row in enumerate(order, start=1)]

    def _leads(self, query: str) -> list[_Lead]:
        """The names to follow from a question, the nearest first."""
        question = plain(query)
        known = dict.fromkeys(self._subject.findall(question))
        words = self._words(self._subject.sub("", question))
        about = [row for name in known for row in self._about[name]] or None
        leads: dict[str, _Lead] = {}
        for row, _ in self._best(words, self.config.read, about):
            passage = self.passages[row]
            there = set(self._words(passage.text))
            left = tuple(word for word in words if word not in there)
            for name, nearness in self._names(passage, words):
                if name not in known and (name not in leads or nearness > leads[name].nearness):
                    leads[name] = _Lead(name, nearness, row, left)
        return sorted(leads.values(), key=lambda lead: -lead.nearness)[: self.config.names]

    def _names(self, passage: Passage, words: Sequence[str]) -> Iterator[tuple[str, float]]:
        """The subjects that a passage holds, each with its nearness to the words: the sum of rarity over distance."""
        text = plain(passage.text)
        tokens = [self._spelt(word) for word in text.split()]
        places = {word: [i for i, token in enumerate(tokens) if token == word] for word in set(words)}
        rarity = {word: self._rarity(word) for word, at in places.items() if at}
        for match in self._subject.finditer(text):
            start = text.count(" ", 0, match.start()) - 1
            stop = start + match[0].count(" ")
            distances = {w: min(max(start - i, i - stop, 1) for i in places[w]) for w in rarity}
            yield match[0], sum(rarity[word] / distance for word, distance in distances.items())


def _in_turns(rankings: Sequence[Sequence[int]]) -> list[int]:
    """The first of every ranking, then the second of every ranking, and so on; every row where it comes first."""
    return list(dict.fromkeys(row for turn in zip_longest(*rankings) for row in turn if row is not None))
