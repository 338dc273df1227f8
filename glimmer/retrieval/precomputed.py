"""Candidates from a file, whoever made them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from glimmer.data.files import content_hash
from glimmer.data.mapped import rows_by_id
from glimmer.data.values import Passage, Record
from glimmer.errors import ConfigError, DataError
from glimmer.options import option
from glimmer.retrieval.base import Hits, Retriever, RetrieverConfig, register_retriever
from glimmer.retrieval.candidate_file import read_candidates


@dataclass(kw_only=True)
class PrecomputedConfig(RetrieverConfig):
    """Options of candidates that are read from files."""

    path: str = option("", "Candidate file; {name} stands for the stem of the task file, such as open_qa-dev")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.path != "", "path", "a file name such as candidates/{name}.jsonl")

    def file(self, name: str) -> Path:
        """The candidates of the task file called ``name``, such as open_qa-dev."""
        return Path(self.path.replace("{name}", name))


@register_retriever("precomputed", PrecomputedConfig)
class Precomputed(Retriever):
    """Candidates read from a file, in the file's order."""

    config: PrecomputedConfig

    def __init__(self, config: PrecomputedConfig, passages: Sequence[Passage], cache: Path | None = None) -> None:
        super().__init__(config, passages, cache)
        self._rows = rows_by_id(passages)

    def retrieve(self, queries: Sequence[str], k: int) -> list[Hits]:
        """Refuse: only the questions of the file have candidates.

        Raises:
            ConfigError: always.
        """
        raise ConfigError("the precomputed retriever has no candidates for new questions; choose bm25 or two_step")

    def retrieve_records(self, records: Sequence[Record], name: str, k: int) -> Iterator[Hits]:
        """The first ``k`` candidates of every record.

        Raises:
            DataError: the file is broken, or a record has no line in it.
        """
        path = self.config.file(name)
        hits = read_candidates(path, self._rows)
        for record in records:
            if record.id not in hits:
                raise DataError(f"{path}: no candidates for the question {record.id!r} of {name}")
        return (hits[record.id][:k] for record in records)

    def fingerprint(self, name: str) -> str:
        """The options, the code and the content of the candidate file.

        Raises:
            DataError: there is no such file.
        """
        path = self.config.file(name)
        try:
            return content_hash(super().fingerprint(name), path.read_bytes())
        except OSError as error:
            raise DataError(f"{path}: {error.strerror or error}; expected a file of candidates") from None
