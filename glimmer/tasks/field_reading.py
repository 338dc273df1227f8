"""Field reading: a label and a subject ask for the value; a sentence's beginning asks for its continuation."""

import random
from dataclasses import dataclass

from glimmer.data.values import Example
from glimmer.options import option
from glimmer.tasks.base import register_task
from glimmer.tasks.drill import DrillConfig
from glimmer.tasks.fields import LONGEST, Field, FieldDrill

QUESTIONS = (
    "question: what is the {label} of {subject}?",
    "question: what does {subject} have as {label}?",
    "question: name the {label} in {subject}.",
    "question: {subject}: {label}?",
    "question: which {label} is given for {subject}?",
    "question: in {subject}, what is the {label}?",
    "slot: {subject} relation: {label}",
)


@dataclass(kw_only=True)
class FieldReadingConfig(DrillConfig):
    """Options of field reading."""

    continuations: float = option(
        0.25, "Share of examples that give a beginning to be continued, where text allows", least=0, most=1
    )


@register_task("field_reading", FieldReadingConfig)
class FieldReading(FieldDrill):
    """Read out the field of a passage, told from those of other subjects and other labels."""

    config: FieldReadingConfig

    def example(self, split: str, index: int, rng: random.Random) -> Example:
        """Ask for field ``index``, or for what follows some words within it."""
        field = self.table.askable[index]
        pair = self._continuation(field, rng) if rng.random() < self.config.continuations else None
        prompt, target = pair or self._question(field, rng)
        return self.drilled(index, prompt, target, self.passages[field.row], self.distractors(field, rng))

    def _question(self, field: Field, rng: random.Random) -> tuple[str, str]:
        about = self.table.subjects[field.row]
        return rng.choice(QUESTIONS).format(label=spoken(field.label), subject=about), field.value

    def _continuation(self, field: Field, rng: random.Random) -> tuple[str, str] | None:
        words = [spoken(field.label) + ":", *field.text.split()]
        if len(words) < 6:
            return None
        cut = rng.randint(3, min(len(words) - 2, 12))
        beginning, rest = " ".join(words[max(0, cut - 8) : cut]), " ".join(words[cut : cut + LONGEST // 2])
        return f"continue: {self.table.subjects[field.row]}: {beginning}", rest.rstrip(".;,")


def spoken(label: str) -> str:
    """A label as it stands in a sentence: ``Area - total`` as ``area total``."""
    label = label.replace(" - ", " ")
    return label if label[1:2].isupper() else label[0].lower() + label[1:]
