"""Retrieval in two steps, for questions about something that they describe but do not name."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from glimmer.data.text import plain
from glimmer.data.values import Passage
from glimmer.errors import ConfigError
from glimmer.registry import option
from glimmer.retrieval.base import Hits, register_retriever
from glimmer.retrieval.bm25 import Bm25, Bm25Config


@dataclass(kw_only=True)
class TwoStepConfig(Bm25Config):
    """Options of the second step."""

    plurals: bool = option(True, "Search for plurals and singulars alike (the S stemmer of Harman, 1991)")
    read: int = option(5, "Passages of the first step in which names are looked for, at least 1")
    names: int = option(4, "Names that are followed from a question, at most, at least 1")

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("read", "names"):
            if getattr(self, key) < 1:
                raise ConfigError(f"retriever.{key} must be at least 1, found {getattr(self, key)}")


@register_retriever("two_step", TwoStepConfig)
class TwoStep(Bm25):
    """BM25 with the question, then again with names that its best passages hold.

    The names are the subjects of the collection: what stands before the colon of a title, or all of a title without
    one. Passages about a subject that the question names are read first. Names that the question holds itself are
    passed over; of the others those come first that stand nearest to the
    question's rarest words. The second query is a name and the words of the question that its passage does not hold,
    for those that it holds are what led there. The result takes turns between the first ranking and the second
    rankings, which take turns among themselves; its scores are reciprocal ranks. Neither answers nor gold passages
    are looked at.
    """

    config: TwoStepConfig

    def __init__(self, config: TwoStepConfig, passages: Sequence[Passage], cache: Path | None = None) -> None:
        super().__init__(config, passages, cache)
        subjects = {plain(passage.title.partition(":")[0]).strip() for passage in passages} - {""}
        # Longest first: "Guinea-Bissau" is not "Guinea".
        names = sorted(subjects, key=lambda name: (-len(name), name))
        self._subject = re.compile(rf"(?<= )({'|'.join(map(re.escape, names))})(?= )") if names else re.compile(r"(?!)")

    def retrieve(self, queries: Sequence[str], k: int) -> list[Hits]:
        """The best ``k`` passages of every query; passages without a word of it are left out."""
        return [self._two_steps(query, k) for query in queries]

    def _two_steps(self, query: str, k: int) -> Hits:
        first = [row for row, _ in self._best(query, k)]
        question = plain(query)
        known = set(self._subject.findall(question))
        words = self._words(self._subject.sub("", question))
        leads: dict[str, tuple[float, str]] = {}
        about_known = sorted(first, key=lambda row: self._title(row) not in known)
        for row in about_known[: self.config.read]:
            for name, nearness in self._names(self.passages[row], words):
                rest = set(words) - set(self._words(self.passages[row].text))
                if name not in known and nearness > leads.get(name, (0.0, ""))[0]:
                    leads[name] = (nearness, " ".join([name, *(word for word in words if word in rest)]))
        best = sorted(leads.values(), key=lambda lead: -lead[0])[: self.config.names]
        second = _in_turns([[row for row, _ in self._best(lead, k)] for _, lead in best])
        order = _in_turns([first, second])[:k]
        return [(row, 1 / rank) for rank, row in enumerate(order, start=1)]

    def _title(self, row: int) -> str:
        return plain(self.passages[row].title.partition(":")[0]).strip()

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
