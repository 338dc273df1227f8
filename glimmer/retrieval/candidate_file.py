"""Files of candidates: JSON lines ``{id, candidates: [{passage_id, score}]}``, a question each."""

import fcntl
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from glimmer.data.files import decode_lines, json_line, json_object, read_json_lines, sync, writing
from glimmer.data.lazy import LazySequence
from glimmer.data.lines import Lines
from glimmer.data.values import Candidate, Passage, Record
from glimmer.errors import DataError
from glimmer.retrieval.base import Hits

EXPECTED = 'the candidates of a question {"id": text, "candidates": [{"passage_id": text, "score": number}]}'

Search = Callable[[Sequence[Record]], Iterable[Hits]]
"""Finds the passages of every record, one record after the other."""


class KeptCandidates(LazySequence[tuple[Candidate, ...]]):
    """The candidates that ``keep_candidates`` has written, in the records' order; each is read when it is asked for."""

    def __init__(
        self, path: Path, records: Sequence[Record], passages: Sequence[Passage], rows: Mapping[str, int]
    ) -> None:
        """Open the file of the candidates of ``records``; ``rows`` gives the row of a passage by its id.

        Raises:
            DataError: it cannot be read, or has not one line a record.
        """
        self.path, self._records, self._passages, self._rows = path, records, passages, rows
        self._lines = Lines(path)
        if len(self._lines) != len(records):
            raise DataError(
                f"{path}: holds the candidates of {len(self._lines):,} questions instead of {len(records):,}; "
                "remove it to have them found anew"
            )

    def __len__(self) -> int:
        return len(self._lines)

    def make(self, row: int) -> tuple[Candidate, ...]:
        """Read the candidates of a record.

        Raises:
            DataError: the line is broken, or of another record, or names a passage that is not there.
        """
        record, number = self._records[row], row + 1
        item = _object(self.path, number, self._lines[row])
        name, hits = _line(f"{self.path}:{number}", item, self._rows)
        if name != record.id:
            raise DataError(
                f"{self.path}:{number}: holds the candidates of {name!r} instead of {record.id!r}; "
                "remove it to have them found anew"
            )
        found = ((self._passages[place], score) for place, score in hits)
        return tuple(Candidate(passage, score, record.is_gold(passage)) for passage, score in found)


def keep_candidates(path: Path, records: Sequence[Record], passages: Sequence[Passage], search: Search) -> None:
    """Write what ``search`` finds for ``records``, one after the other.

    While it is being written the file is called ``NAME.partial``, and a second call goes on where the first was
    stopped. Of several processes one writes, and the others wait for it.

    Raises:
        DataError: the disk refuses a write, or what is there was begun for other records.
    """
    partial = path.with_name(f"{path.name}.partial")
    with writing(partial):
        partial.parent.mkdir(parents=True, exist_ok=True)
        file = partial.open("a+b")
        fcntl.flock(file, fcntl.LOCK_EX)
    with file:
        if path.exists():  # another process has made it since; what was opened is that, or new and empty
            partial.unlink(missing_ok=True)
            return
        rest = records[_go_on(partial, file, records) :]
        for record, hits in zip(rest, search(rest), strict=True):
            found = [{"passage_id": passages[row].id, "score": score} for row, score in hits]
            with writing(partial):
                file.write(json_line({"id": record.id, "candidates": found}))
        with writing(partial):
            file.flush()
            os.fsync(file.fileno())
            partial.replace(path)
            sync(path.parent)


def read_candidates(path: Path, rows: Mapping[str, int]) -> dict[str, Hits]:
    """Read a candidate file; ``rows`` gives the row of a passage by its id.

    Raises:
        DataError: names the line of the first broken entry, unknown passage or repeated id.
    """
    found: dict[str, Hits] = {}
    for number, item in read_json_lines(path, EXPECTED):
        name, hits = _line(f"{path}:{number}", item, rows)
        if name in found:
            raise DataError(f"{path}:{number}: duplicate id {name!r}")
        found[name] = hits
    return found


def _go_on(partial: Path, file: BinaryIO, records: Sequence[Record]) -> int:
    """Cut off what is no whole line of a file that was left, and tell how many lines there are."""
    with writing(partial):
        lines = Lines(partial)
        whole = len(lines) - (len(lines) > 0 and not lines[-1].endswith(b"\n"))
        file.truncate(lines.start(whole))
    if whole:
        last = _object(partial, whole, lines[whole - 1])
        if whole > len(records) or last.get("id") != records[whole - 1].id:
            raise DataError(f"{partial}: was begun for other questions; remove it to begin anew")
    return whole


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    ((_, text),) = decode_lines([line], str(path), first=number)
    return json_object(f"{path}:{number}", text, EXPECTED)


def _line(where: str, item: dict[str, Any], rows: Mapping[str, int]) -> tuple[str, Hits]:
    name, candidates = item.get("id"), item.get("candidates")
    if not isinstance(name, str) or not isinstance(candidates, list):
        raise DataError(f"{where}: expected {EXPECTED}")
    return name, [_hit(where, candidate, rows) for candidate in candidates]


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
