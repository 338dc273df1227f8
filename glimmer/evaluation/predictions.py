"""What a reader answered: the text, the passages it ranked and those it read; and the lines that keep it on disk."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimmer.data.files import write_json_lines
from glimmer.data.spans import span_object
from glimmer.data.values import Passage


@dataclass(frozen=True, slots=True)
class RankedPassage:
    """A candidate of a question, as it stood before and after reranking."""

    passage: Passage
    rank: int
    """Place after reranking, from 1."""
    score: float
    """The reranker's score, or the retriever's where the reader has no reranker."""
    retrieved_rank: int
    """Place in retrieval order, from 1."""
    retrieval_score: float
    read: bool
    """Whether the selector kept it, so that the decoder read it."""
    gold: bool
    """Whether the data marks it as gold; False where nothing is known."""

    @property
    def id(self) -> str:
        """The passage's id."""
        return self.passage.id


@dataclass(frozen=True)
class Prediction:
    """The answer to one question."""

    id: str
    task: str
    question: str
    """The record's input, or the prompt where there is no record."""
    answer: str
    score: float
    """Length-normalised log-likelihood of the answer, in nats."""
    passages: tuple[RankedPassage, ...]
    """All candidates, best first."""

    @property
    def read(self) -> tuple[RankedPassage, ...]:
        """The passages that the decoder read, best first."""
        return tuple(p for p in self.passages if p.read)

    @property
    def retrieved(self) -> tuple[RankedPassage, ...]:
        """The candidates in retrieval order."""
        return tuple(sorted(self.passages, key=lambda p: p.retrieved_rank))

    @property
    def retrieved_ids(self) -> list[str]:
        """The candidates' ids in retrieval order."""
        return [p.id for p in self.retrieved]

    @property
    def reranked_ids(self) -> list[str]:
        """The candidates' ids, best first."""
        return [p.id for p in self.passages]

    @property
    def read_ids(self) -> list[str]:
        """The ids of the passages read, best first."""
        return [p.id for p in self.read]

    def kilt_object(self) -> dict[str, Any]:
        """The KILT prediction: one output with the answer and all candidates as provenance, best first."""
        output = {"answer": self.answer, "provenance": [_provenance_object(p) for p in self.passages]}
        return {"id": self.id, "input": self.question, "output": [output], "meta": {"score": self.score}}


def _provenance_object(ranked: RankedPassage) -> dict[str, Any]:
    """A candidate as a provenance; KILT's scorer goes by its page, where the collection knows it."""
    passage = ranked.passage
    item: dict[str, Any] = {"passage_id": passage.id, "title": passage.title}
    if passage.wikipedia_id is not None:
        item["wikipedia_id"] = passage.wikipedia_id
    if passage.span is not None:
        item |= span_object(passage.span)
    return {**item, "meta": {"score": ranked.score, "retrieved_rank": ranked.retrieved_rank, "read": ranked.read}}


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> None:
    """Write KILT prediction lines, atomically."""
    write_json_lines(path, (prediction.kilt_object() for prediction in predictions))
