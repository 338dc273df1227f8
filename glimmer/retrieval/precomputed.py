"""Candidates from a file, whoever made them: JSON lines ``{id, candidates: [{passage_id, score}]}``."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from glimmer.data.files import content_hash, read_json_lines, write_json_lines
from glimmer.data.mapped import rows_by_id
from glimmer.data.values import Passage, Record
from glimmer.errors import ConfigError, DataError
from glimmer.options import option
from glimmer.retrieval.base import Hits, Retriever, RetrieverConfig, register_retriever

EXPECTED = 'the candidates of a question {"id": text, "candidates": [{"passage_id": text, "score": number}]}'


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

    def retrieve_records(self, records: Sequence[Record], name: str, k: int) -> list[Hits]:
        """The first ``k`` candidates of every record.

        Raises:
            DataError: the file is broken, or a record has no line in it.
        """
        path = self.config.file(name)
        hits = read_candidates(path, self._rows)
        for record in records:
            if record.id not in hits:
                raise DataError(f"{path}: no candidates for the question {record.id!r} of {name}")
        return [hits[record.id][:k] for record in records]

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


def read_candidates(path: Path, rows: Mapping[str, int]) -> dict[str, Hits]:
    """Read a candidate file; ``rows`` gives the row of a passage by its id.

    Raises:
        DataError: names the line of the first broken entry, unknown passage or repeated id.
    """
    found: dict[str, Hits] = {}
    for number, item in read_json_lines(path, EXPECTED):
        name, candidates = item.get("id"), item.get("candidates")
        if not isinstance(name, str) or not isinstance(candidates, list):
            raise DataError(f"{path}:{number}: expected {EXPECTED}")
        if name in found:
            raise DataError(f"{path}:{number}: duplicate id {name!r}")
        found[name] = [_hit(f"{path}:{number}", candidate, rows) for candidate in candidates]
    return found


def write_candidates(path: Path, records: Sequence[Record], hits: Sequence[Hits], passages: Sequence[Passage]) -> None:
    """Write the candidates of records, atomically."""
    lines = (
        {"id": record.id, "candidates": [{"passage_id": passages[row].id, "score": score} for row, score in found]}
        for record, found in zip(records, hits, strict=True)
    )
    write_json_lines(path, lines)


def _hit(where: str, candidate: object, rows: Mapping[str, int]) -> tuple[int, float]:
    if not isinstance(candidate, dict) or not isinstance(candidate.get("passage_id"), str):
        raise DataError(
            f"{where}: a candidate must be {{'passage_id': text, 'score': number}}, found {candidate!r:.60}"
        )
    passage_id, score = candidate["passage_id"], candidate.get("score")
    row = rows.get(passage_id)
    if row is None:
        raise DataError(f"{where}: the candidate {passage_id!r} is not in the passage collection")
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        raise DataError(f"{where}: the score of {passage_id!r} must be a finite number, found {score!r:.60}")
    return row, float(score)
