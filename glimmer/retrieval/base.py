"""What every retriever does: give the passages of a collection that fit a query."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from glimmer.data.files import content_hash
from glimmer.data.values import Passage, Record
from glimmer.registry import ComponentConfig, Registry

Hits = list[tuple[int, float]]
"""Rows of the collection with their scores, best first."""


@dataclass(kw_only=True)
class RetrieverConfig(ComponentConfig):
    """Options that every retriever has."""


class Retriever(ABC):
    """A retriever over a fixed list of passages.

    ``cache`` is a folder for what is worth keeping (an index); ``None`` keeps nothing.
    """

    def __init__(self, config: RetrieverConfig, passages: Sequence[Passage], cache: Path | None = None) -> None:
        self.config = config
        self.passages = passages
        self.cache = cache

    @abstractmethod
    def retrieve(self, queries: Sequence[str], k: int) -> list[Hits]:
        """The best ``k`` passages of every query, or fewer where no more have anything in common with it.

        The score is higher for a better passage; among equal scores the earlier passage comes first.
        """

    def retrieve_records(self, records: Sequence[Record], name: str, k: int) -> list[Hits]:
        """The best ``k`` passages of the records of the task file ``name``."""
        return self.retrieve([query_text(record.input) for record in records], k)

    def fingerprint(self, name: str) -> str:
        """All that decides the candidates of the task file ``name``, beside its records and the passages.

        The code of the retriever is part of it, so that what an earlier version found is never taken for its own.
        """
        classes = [kind for kind in type(self).__mro__ if issubclass(kind, Retriever)]
        return content_hash(repr(self.config), *map(inspect.getsource, classes))


def query_text(question: str) -> str:
    """The words that are searched for: a slot-filling input without its separator."""
    return question.replace("[SEP]", " ")


RETRIEVERS: Registry[Retriever] = Registry("retriever", Retriever)
register_retriever = RETRIEVERS.register
