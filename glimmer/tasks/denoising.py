"""Denoising: T5's span corruption (Raffel et al. 2020, section 3.1.4) of a passage that the reader is given."""

import random
from dataclasses import dataclass
from itertools import pairwise

from glimmer.data.tokenizers import sentinel_text
from glimmer.data.values import Example, Passage
from glimmer.options import option
from glimmer.tasks.base import TaskConfig, register_task
from glimmer.tasks.drill import SPLIT, Drill

MOST_SPANS = 16
"""Spans of a passage at most."""


@dataclass(kw_only=True)
class DenoisingConfig(TaskConfig):
    """Options of span corruption."""

    noise: float = option(0.15, "Share of the words that are dropped", above=0, below=1)
    span: float = option(3.0, "Words of a dropped span, on average", least=1)
    words: int = option(80, "Words of a passage that are used, from a random place on; so targets keep short", least=2)


@register_task("denoising", DenoisingConfig)
class Denoising(Drill):
    """Say which spans of a passage were dropped.

    The corrupted passage is the one candidate, and the prompt only names the task, so that memory, live layers and
    decoder all take part. The target is every sentinel with the words it stands for, and one more sentinel.
    """

    alters_passages = True
    sentinels = MOST_SPANS + 1
    config: DenoisingConfig

    def count(self, split: str) -> int:
        """The number of training passages."""
        return len(self.passages) if split == SPLIT else 0

    def example(self, split: str, index: int, rng: random.Random) -> Example:
        """Corrupt passage ``index``."""
        passage = self.passages[index]
        words = passage.text.split()
        start = rng.randint(0, max(0, len(words) - self.config.words))
        words = words[start : start + self.config.words]
        dropped = max(1, min(len(words) - 1, round(len(words) * self.config.noise)))
        spans = max(1, min(MOST_SPANS, dropped, len(words) - dropped, round(dropped / self.config.span)))
        kept = _compose(rng, len(words) - dropped + 2, spans + 1)
        kept[0] -= 1  # a text may begin and end in a gap
        text, target = corrupt(words, kept[:-1], _compose(rng, dropped, spans))
        return self.drilled(index, "denoise:", target, Passage(f"{passage.id}#denoising", passage.title, text))


def corrupt(words: list[str], kept: list[int], dropped: list[int]) -> tuple[str, str]:
    """Drop spans of the given lengths, each after a kept one; return the text and its target."""
    text, target, start = [], [], 0
    for number, (keep, drop) in enumerate(zip(kept, dropped, strict=True)):
        text += [*words[start : start + keep], sentinel_text(number)]
        target += [sentinel_text(number), *words[start + keep : start + keep + drop]]
        start += keep + drop
    return " ".join(text + words[start:]), " ".join([*target, sentinel_text(len(dropped))])


def _compose(rng: random.Random, total: int, parts: int) -> list[int]:
    """Divide ``total`` into ``parts`` lengths of at least 1 each, every division as likely."""
    cuts = [0, *sorted(rng.sample(range(1, total), parts - 1)), total]
    return [after - before for before, after in pairwise(cuts)]
