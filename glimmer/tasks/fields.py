"""The fields of passages written as ``Label: value. Label: value.``, for drills that ask for one of them."""

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from glimmer.data.text import plain
from glimmer.data.values import Passage
from glimmer.tasks.drill import SPLIT, Drill, DrillConfig, draw_distinct

_LABEL = re.compile(r"(?:^|(?<=[.!?\"] ))([A-Z][\w ,'/()&-]{1,60}): ")
_CLAUSE = re.compile(r"; | \(|\. ")
LONGEST = 12
"""Words of a value at most; a longer one is cut after its first clause, or not asked for."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field that its passage has once: the row of the passage, the label, and the whole and the asked value."""

    row: int
    label: str
    text: str
    value: str


class FieldTable:
    """The fields of a list of passages, and where else their labels and subjects occur."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.subjects = [subject(passage) for passage in passages]
        self.labels: list[frozenset[str]] = []
        fields: list[Field] = []
        for row, passage in enumerate(passages):
            found = list(_split(passage.text))
            names = [label for label, _ in found]
            self.labels.append(frozenset(names))
            fields += [Field(row, label, text, value(text)) for label, text in found if names.count(label) == 1]
        self.fields = fields
        self.by_label: Mapping[str, list[int]] = _grouped((field.label, i) for i, field in enumerate(fields))
        self.rows_by_label: Mapping[str, list[int]] = _grouped(
            (label, row) for row, labels in enumerate(self.labels) for label in sorted(labels)
        )
        self.rows_by_subject: Mapping[str, list[int]] = _grouped((s, row) for row, s in enumerate(self.subjects))

    @cached_property
    def askable(self) -> list[Field]:
        """The fields with a short value."""
        return [field for field in self.fields if field.value]

    def distractors(self, field: Field, count: int, rng: random.Random) -> list[int]:
        """Rows that answer the question only to a reader that ignores its subject or its label.

        By turns a passage of another subject with the same label, and one of the same subject without it; any other
        passage where there are none. None has both subject and label.
        """
        own = self.subjects[field.row]

        def unfit(row: int) -> bool:
            return self.subjects[row] == own and field.label in self.labels[row]

        sources = (self.rows_by_label[field.label], self.rows_by_subject[own], range(len(self.subjects)))
        return draw_distinct(rng, count, sources, unfit, (field.row,))


class FieldDrill(Drill):
    """A drill over the fields of the training passages."""

    config: DrillConfig

    @cached_property
    def table(self) -> FieldTable:
        """The fields, found when first asked for."""
        return FieldTable(self.passages)

    def distractors(self, field: Field, rng: random.Random) -> list[Passage]:
        """Passages from which the field must be told apart."""
        return [self.passages[row] for row in self.table.distractors(field, self.config.distractors, rng)]

    def count(self, split: str) -> int:
        """The number of fields with a short value."""
        return len(self.table.askable) if split == SPLIT else 0


def subject(passage: Passage) -> str:
    """What a passage is about: its title, up to the section after a colon."""
    return passage.title.partition(": ")[0]


def value(text: str) -> str:
    """The asked value of a field: the whole if short, else its first clause; empty if that is long too."""
    if len(text.split()) > LONGEST:
        text = _CLAUSE.split(text, maxsplit=1)[0]
    text = text.strip(" .;,")
    return text if len(text.split()) <= LONGEST and plain(text).strip() else ""


def _split(text: str) -> list[tuple[str, str]]:
    marks = list(_LABEL.finditer(text))
    ends = [*(mark.start() for mark in marks), len(text)][1:]
    return [(mark[1], text[mark.end() : end].strip(" ")) for mark, end in zip(marks, ends, strict=False)]


def _grouped(pairs: Iterable[tuple[str, int]]) -> Mapping[str, list[int]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for key, item in pairs:
        groups[key].append(item)
    return dict(groups)
