"""What every retriever does: give the passages of a collection that fit a query."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from glimmer.data.files import content_hash
from glimmer.data.kilt_sets import MENTION, SEPARATOR
from glimmer.data.text import plain
from glimmer.data.values import Passage, Record
from glimmer.errors import ConfigError
from glimmer.registry import ComponentConfig, Registry

Hits = list[tuple[int, float]]
"""Rows of the collection with their scores, best first."""


@dataclass(kw_only=True)
class RetrieverConfig(ComponentConfig):
    """Options that every retriever has."""


class Retriever(ABC):
    """A retriever over a fixed list of passages.

    ``cache`` is a folder for what is worth keeping (an index), under a hash of all that decides it, ``code`` included;
    ``None`` keeps nothing. What takes time to make or read is left to the first search: where candidates are kept,
    there is none.
    """

    at_once = 512
    """Questions that are searched for between two looks at the progress bar."""

    def __init__(self, config: RetrieverConfig, passages: Sequence[Passage], cache: Path | None = None) -> None:
        self.config = config
        self.passages = passages
        self.cache = cache

    @abstractmethod
    def retrieve(self, queries: Sequence[str], k: int) -> list[Hits]:
        """The best ``k`` passages of every query, or fewer where no more have anything in common with it.

        The score is higher for a better passage; among equal scores the earlier passage comes first.
        """

    def retrieve_records(self, records: Sequence[Record], name: str, k: int) -> Iterator[Hits]:
        """The best ``k`` passages of the records of the task file ``name``, one record after the other.

        A long search shows how far it is.
        """
        with tqdm(total=len(records), desc=f"retrieve {name}", unit="q", leave=False, disable=None) as bar:
            for start in range(0, len(records), self.at_once):
                some = records[start : start + self.at_once]
                yield from self.retrieve([query_text(record.input) for record in some], k)
                bar.update(len(some))

    def check(self) -> None:  # noqa: B027 - most have nothing to refuse
        """Refuse before a run what its first search would refuse, in no more time than opening files takes.

        Raises:
            GlimmerError: the first thing that is missing or does not fit.
        """

    def fingerprint(self, name: str) -> str:
        """All that decides the candidates of the task file ``name``, beside its records and the passages.

        Raises:
            ConfigError: see ``code``.
        """
        return content_hash(repr(self.config), self.code())

    @classmethod
    def code(cls) -> str:
        """A hash of the code that decides what is found, so that nothing of an earlier version is taken for its own.

        That is the modules of the class and of all that it extends, and of how words are told apart. A class that
        leaves its search to a library adds the library's version.

        Raises:
            ConfigError: one of the modules has no file.
        """
        return code_of(cls, Retriever, plain.__module__)


def code_of(kind: type, base: type, *modules: str) -> str:
    """A hash of the modules of ``kind`` and of all that it extends up to ``base``, and of ``modules``.

    Raises:
        ConfigError: one of them has no file.
    """
    kinds = kind.__mro__[: kind.__mro__.index(base) + 1]
    contents = []
    for module in dict.fromkeys([*(one.__module__ for one in kinds), *modules]):
        file = getattr(sys.modules.get(module), "__file__", None)
        if file is None or not Path(file).is_file():
            raise ConfigError(
                f"the {base.__name__.lower()} {kind.__qualname__} is defined in {module}, which has no file to tell "
                "its versions apart by, so that nothing that it finds can be kept; move it into a file of user_dir"
            )
        contents.append(Path(file).read_bytes())
    return content_hash(kind.__qualname__, *contents)


def query_text(question: str) -> str:
    """The words that are searched for: a slot without its separator, a text without the marks round its mention."""
    for mark in (SEPARATOR, *MENTION):
        question = question.replace(mark, " ")
    return question


RETRIEVERS: Registry[Retriever] = Registry("retriever", Retriever)
register_retriever = RETRIEVERS.register
