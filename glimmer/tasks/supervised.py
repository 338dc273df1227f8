"""Tasks over KILT records: a prompt for every question, an answer as target, the retrieved candidates."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from glimmer.data.kilt_sets import check_stem
from glimmer.data.prompt import fields_of
from glimmer.data.values import Example, Record
from glimmer.errors import ConfigError, DataError
from glimmer.options import option
from glimmer.tasks.base import Task, TaskConfig, TaskData

TARGETS = ("first", "any")
TRAINING = "train"


@dataclass(kw_only=True)
class SupervisedConfig(TaskConfig):
    """Options of every task over records."""

    data: str | None = option(None, "Stem of the task's files in data.dir; the task's key when null")
    target: str = option(
        "first", "What the decoder learns: the 'first' valid answer, or 'any', drawn anew each time", choices=TARGETS
    )
    prompt: str | None = option(
        None, "What is asked, with {input} in it, or {subject} and {relation} of a slot; the task's own when null"
    )
    metrics: list[str] | None = option(None, "Metrics, the headline first; the task's own when null")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.metrics != [], "metrics", "at least one metric, or null")


class SupervisedTask(Task):
    """A task over the records ``STEM-SPLIT.jsonl``; a sub-class says what is asked, and of which parts of the input."""

    config: SupervisedConfig
    template: str
    """What is asked, its ``fields`` in braces."""
    fields: tuple[str, ...] = ("input",)

    def __init__(self, config: SupervisedConfig, key: str, data: TaskData) -> None:
        super().__init__(config, key, data)
        self.stem = config.data or key
        check_stem(key, self.stem)
        self._checked: set[str] = set()
        if config.metrics is not None:
            self.metrics = tuple(config.metrics)
        if config.prompt is not None:
            self.template = config.prompt
            if set(fields_of(self.template, f"tasks.{key}.prompt")) != set(self.fields):
                expected = " and ".join(f"{{{name}}}" for name in self.fields)
                raise ConfigError(f"tasks.{key}.prompt must hold {expected} and no others, found {config.prompt!r}")

    def parts(self, question: str) -> dict[str, str]:
        """The texts of ``fields`` in a record's input.

        Raises:
            DataError: the input has not the task's form.
        """
        return {"input": question}

    def prompt(self, question: str) -> str:
        """The text that the reader is given for a record's input.

        Raises:
            DataError: see ``parts``.
        """
        return self.template.format(**self.parts(question))

    def records(self, split: str) -> Sequence[Record]:
        """The records of a split; the first call checks them all, so that none is refused in mid-training.

        Raises:
            DataError: an input has not the task's form, or a training record has no answer; names file, line and id.
        """
        records = self.data.records(self.stem, split)
        if split not in self._checked:
            for record in records:
                where = f"{self.data.file(self.stem, split)}:{record.line}: record {record.id!r}"
                self.check(record, where)
                if split == TRAINING and not record.answers:
                    raise DataError(f"{where} has no answer to learn; expected an output with 'answer': text")
            self._checked.add(split)
        return records

    def check(self, record: Record, where: str) -> None:
        """Refuse a record whose input has not the task's form.

        Raises:
            DataError: it has not; the message begins with ``where``.
        """
        try:
            self.prompt(record.input)
        except DataError as error:
            raise DataError(f"{where}: {error}") from None

    def count(self, split: str) -> int:
        """The number of records."""
        return len(self.records(split))

    def example(self, split: str, index: int, rng: random.Random) -> Example:
        """Make the example of record ``index``; one without answers (a blind test set) has an empty target."""
        record = self.records(split)[index]
        answers = record.answers
        return Example(
            id=record.id,
            task=self.key,
            prompt=self.prompt(record.input),
            target=self._target(record, rng),
            answers=answers,
            candidates=self.data.candidates(self.stem, split)[index],
            record=record,
            evidence=record.evidence,
        )

    def _target(self, record: Record, rng: random.Random) -> str:
        answers = record.answers
        if not answers:
            return ""
        return rng.choice(answers) if self.config.target == "any" else answers[0]
