"""Ask a trained run: retrieve, rerank, read, answer.

::

    from glimmer import load
    answer = load("runs/quickstart/glimmer-seed1").ask("What is the capital of Ghana?")
    print(answer, [passage.id for passage in answer.passages])
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from glimmer.data.values import Example, Record
from glimmer.errors import ConfigError, suggest
from glimmer.evaluation.answering import answer_examples
from glimmer.evaluation.predictions import Prediction, RankedPassage
from glimmer.inference.run import LoadedRun
from glimmer.tasks.supervised import SupervisedTask


@dataclass(frozen=True)
class Answer:
    """The answer to a question, and where it comes from."""

    question: str
    task: str
    text: str
    score: float
    """Length-normalised log-likelihood, in nats."""
    passages: tuple[RankedPassage, ...]
    """The passages that were chosen and read, best first, with their scores and ranks before and after reranking."""
    candidates: tuple[RankedPassage, ...]
    """All retrieved passages, best first."""

    def __str__(self) -> str:
        return self.text


class Predictor:
    """Answers questions with a trained run's reader, over the run's passages."""

    def __init__(self, run: LoadedRun, batch_size: int = 16) -> None:
        self.run = run
        self.batch_size = batch_size

    @overload
    def ask(self, question: str, task: str | None = None) -> Answer: ...

    @overload
    def ask(self, question: list[str], task: str | None = None) -> list[Answer]: ...

    def ask(self, question: str | list[str], task: str | None = None) -> Answer | list[Answer]:
        """Answer a question, or several at once.

        ``task`` says which of the run's tasks the question belongs to; None = the first one that takes questions.

        Raises:
            ConfigError: the run has no such task, or it takes no questions.
            DataError: a question has not the task's form, or the passages cannot be read.
        """
        if not isinstance(question, str):
            records = [Record(str(number), text, ()) for number, text in enumerate(question, start=1)]
            return [_answer(prediction) for prediction in self.predict(records, task)]
        return _answer(self.predict([Record("1", question, ())], task)[0])

    def predict(self, records: Sequence[Record], task: str | None = None) -> list[Prediction]:
        """Answer records whose candidates no file holds; see ``ask``."""
        posed = self.task(task)
        examples = [self._example(record, posed) for record in records]
        with self.run.autocast():
            return answer_examples(
                self.run.reader,
                examples,
                self.run.collator,
                self.run.tokenizer,
                self.run.config.generation,
                form=posed.answer,
                batch_size=self.batch_size,
                passages=self.run.passages,
                device=self.run.device,
            )

    def task(self, key: str | None) -> SupervisedTask:
        """The task called ``key``, or the run's first that takes questions.

        Raises:
            ConfigError: there is none.
        """
        known = {name: task for name, task in self.run.tasks.items() if isinstance(task, SupervisedTask)}
        if key is None and known:
            return next(iter(known.values()))
        if key is None or key not in known:
            asked = "no task" if key is None else f"no task {key!r}"
            raise ConfigError(f"{self.run.folder} has {asked} that takes questions; {suggest(key or '', known)}")
        return known[key]

    def _example(self, record: Record, task: SupervisedTask) -> Example:
        return Example(
            id=record.id,
            task=task.key,
            prompt=task.prompt(record.input),
            target="",
            answers=(),
            candidates=self.run.corpus.search(record.input, task.stem),
            record=record,
        )


def _answer(prediction: Prediction) -> Answer:
    return Answer(
        question=prediction.question,
        task=prediction.task,
        text=prediction.answer,
        score=prediction.score,
        passages=prediction.read,
        candidates=prediction.passages,
    )
