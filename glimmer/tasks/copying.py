"""Copying: a passage holds a few words after a marker, and the question names the marker."""

import random
from dataclasses import dataclass

from glimmer.data.values import Example, Passage
from glimmer.options import option
from glimmer.tasks.base import register_task
from glimmer.tasks.drill import EndlessDrill, EndlessDrillConfig
from glimmer.tasks.invention import invent_name, invent_names


@dataclass(kw_only=True)
class CopyingConfig(EndlessDrillConfig):
    """Options of the copying drill."""

    words: int = option(40, "Words of real text round marker and payload", least=0)
    payload: int = option(4, "Words to be copied, at most", least=1)


@register_task("copying", CopyingConfig)
class Copying(EndlessDrill):
    """Copy what stands after the marker that the question names; every candidate has a marker of its own.

    The payload is invented names, digits, or words of some other passage, so that it cannot be guessed.
    """

    alters_passages = True
    config: CopyingConfig

    def example(self, split: str, index: int, rng: random.Random) -> Example:
        """Make an example from the generator alone."""
        count = 1 + self.config.distractors
        markers: list[str] = []
        while len(markers) < count:
            marker = invent_name(rng)
            if marker not in markers:
                markers.append(marker)
        payloads = [self._payload(rng) for _ in markers]
        passages = [
            self._passage(f"copying-{index}-{i}", *pair, rng)
            for i, pair in enumerate(zip(markers, payloads, strict=True))
        ]
        return self.drilled(index, f"copy: {markers[0]}", payloads[0], passages[0], passages[1:])

    def _payload(self, rng: random.Random) -> str:
        kind = rng.random()
        if kind < 0.5:
            return invent_names(rng, self.config.payload)
        if kind < 0.65:
            return str(rng.randrange(10 ** rng.randint(1, 6)))
        words = rng.choice(self.passages).text.split()
        start = rng.randrange(len(words))
        return " ".join(words[start : start + rng.randint(1, self.config.payload)]).strip('.,;:()"') or invent_name(rng)

    def _passage(self, passage_id: str, marker: str, payload: str, rng: random.Random) -> Passage:
        source = rng.choice(self.passages)
        words = source.text.split()
        start = rng.randint(0, max(0, len(words) - self.config.words))
        words = words[start : start + self.config.words]
        place = rng.randint(0, len(words))
        text = " ".join([*words[:place], f"{marker}: {payload}.", *words[place:]])
        return Passage(passage_id, source.title, text)
