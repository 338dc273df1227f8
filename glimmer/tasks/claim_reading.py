"""Claim reading: is this the value that the passage gives, or another subject's?"""

import random
from functools import cached_property

from glimmer.data.text import plain
from glimmer.data.values import Example
from glimmer.tasks.base import register_task
from glimmer.tasks.drill import SPLIT, TRIES, DrillConfig
from glimmer.tasks.fact_verification import REFUTES, SUPPORTS
from glimmer.tasks.field_reading import spoken
from glimmer.tasks.fields import Field, FieldDrill

CLAIMS = (
    "claim: the {label} of {subject} is {value}.",
    "claim: {value} is the {label} of {subject}.",
    "claim: {subject} has {value} as its {label}.",
    "claim: in {subject}, the {label} is {value}.",
    "claim: {subject}: {label}: {value}.",
)


@register_task("claim_reading", DrillConfig)
class ClaimReading(FieldDrill):
    """Call a field with its own value SUPPORTS, with another subject's value of the same field REFUTES."""

    @cached_property
    def claims(self) -> list[tuple[Field, list[Field]]]:
        """The fields that can be mistaken for others, each with all fields of its label."""
        short = {
            label: [f for i in rows if (f := self.table.fields[i]).value] for label, rows in self.table.by_label.items()
        }
        varied = {label for label, fields in short.items() if len({plain(f.value) for f in fields}) > 1}
        return [(field, short[field.label]) for field in self.table.askable if field.label in varied]

    def count(self, split: str) -> int:
        """The number of fields whose label has several values."""
        return len(self.claims) if split == SPLIT else 0

    def example(self, split: str, index: int, rng: random.Random) -> Example:
        """Claim something about field ``index``; false where a false value is drawn in a few tries."""
        field, rivals = self.claims[index]
        false = self._false_value(field, rivals, rng) if rng.random() < 0.5 else None
        label = SUPPORTS if false is None else REFUTES
        prompt = rng.choice(CLAIMS).format(
            label=spoken(field.label), subject=self.table.subjects[field.row], value=false or field.value
        )
        gold, distractors = self.passages[field.row], self.distractors(field, rng)
        return self.drilled(index, prompt, label, gold, distractors, evidence=field.value)

    def _false_value(self, field: Field, rivals: list[Field], rng: random.Random) -> str | None:
        text = plain(self.passages[field.row].text)
        for _ in range(2 * TRIES):
            rival = rng.choice(rivals)
            if plain(rival.value) not in text:
                return rival.value
        return None
