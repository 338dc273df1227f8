"""Cloze: a sentence of a passage without one of its names or numbers, which the passage still has."""

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from glimmer.data.text import plain
from glimmer.data.values import Example, Passage
from glimmer.options import option
from glimmer.tasks.base import register_task
from glimmer.tasks.drill import SPLIT, Drill, DrillConfig, draw_distinct

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[\"'(]?[A-Z0-9])")
_ANSWER = re.compile(r"(?<=[a-z,] )(?:[A-Z][\w'-]+(?: (?:of |the |and )?[A-Z][\w'-]+){0,3}|\d[\d,.]*\d|\d)(?![\w-])")
"""Runs of capitalised words and numbers, not at a sentence's beginning, where any word is capitalised."""
LEAST_WORDS = 6
"""Words of a sentence, at least, or the question says too little."""


@dataclass(kw_only=True)
class ClozeConfig(DrillConfig):
    """Options of the cloze drill."""

    distractors: int = option(3, "Candidates beside the gold passage, at most; of the same title first", least=0)
    dropped: float = option(0.3, "Share of the sentence's other words that the question leaves out", least=0, below=1)
    mark: str = option("what", "What stands in the question where the answer was")


@register_task("cloze", ClozeConfig)
class Cloze(Drill):
    """Find what a sentence of the passage has in a gap of the question.

    Self-supervised questions whose answers stand in the text, as in Dhingra et al. (arXiv 1804.00720) and Lewis et
    al. (arXiv 1906.04980); what is left out of the question beside the answer keeps the match from being word for word.
    """

    config: ClozeConfig

    @cached_property
    def rows(self) -> list[int]:
        """The passages with a sentence that can be asked about."""
        return [row for row, passage in enumerate(self.passages) if next(_gaps(passage), None) is not None]

    @cached_property
    def by_title(self) -> dict[str, list[int]]:
        """Passages by title."""
        found: dict[str, list[int]] = defaultdict(list)
        for row, passage in enumerate(self.passages):
            found[passage.title].append(row)
        return dict(found)

    def count(self, split: str) -> int:
        """The number of passages that can be asked about."""
        return len(self.rows) if split == SPLIT else 0

    def example(self, split: str, index: int, rng: random.Random) -> Example:
        """Ask about a sentence of passage ``index``."""
        row = self.rows[index]
        gold = self.passages[row]
        before, answer, behind = rng.choice(list(_gaps(gold)))
        prompt = " ".join([*self._thin(before, rng), self.config.mark, *self._thin(behind, rng)])
        return self.drilled(index, prompt, answer, gold, self._others(row, answer, rng))

    def _thin(self, text: str, rng: random.Random) -> list[str]:
        return [word for word in text.split() if rng.random() >= self.config.dropped]

    def _others(self, row: int, answer: str, rng: random.Random) -> list[Passage]:
        """Passages that do not give the answer, of the same title as long as there are."""

        def tells(other: int) -> bool:
            return plain(answer) in plain(self.passages[other].text)

        wanted = self.config.distractors
        near = draw_distinct(rng, wanted, [self.by_title[self.passages[row].title]], tells, [row])
        far = draw_distinct(rng, wanted - len(near), [range(len(self.passages))], tells, [row, *near])
        return [self.passages[i] for i in near + far]


def _gaps(passage: Passage) -> Iterator[tuple[str, str, str]]:
    """The sentences with a name or number that their other words and the title do not have: before, it, behind."""
    for sentence in _SENTENCE_END.split(passage.text):
        if len(sentence.split()) < LEAST_WORDS:
            continue
        for match in _ANSWER.finditer(sentence):
            before, behind = sentence[: match.start()], sentence[match.end() :]
            if plain(match.group()) not in plain(f"{passage.title} | {before} | {behind}"):
                yield before, match.group(), behind
