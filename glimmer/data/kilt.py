"""Questions in KILT's JSON lines: ``{id, input, output: [{answer?, provenance?: [...]}], meta}`` (arXiv 2009.02252).

A provenance names a passage of the collection by ``passage_id``, or, in KILT's own files, a page by ``wikipedia_id``
and its paragraphs and characters.
"""

import hashlib
from array import array
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimmer.data.files import decode_lines, json_object, json_objects, write_json_lines
from glimmer.data.lazy import LazySequence
from glimmer.data.lines import Lines
from glimmer.data.spans import read_span, span_object
from glimmer.data.values import Output, Provenance, Record
from glimmer.errors import DataError, suggest

EXPECTED = 'a KILT record {"id": text, "input": text, "output": [{"answer": text, "provenance": [...]}], "meta": {...}}'


class Records(LazySequence[Record]):
    """The records of a file, in its order; of each no more is held than where it stands."""

    def __init__(self, path: Path, passages: Container[str] | None = None) -> None:
        """Open a file, and check all of it; see ``read_records``."""
        self.path = path
        self._lines = Lines(path)
        ids = array("Q")
        for number, item in json_objects(decode_lines(self._lines, str(path)), path, EXPECTED):
            ids.append(_hash(_Line(path, number, passages).record(item).id))
        self._check_ids(np.asarray(ids))

    def __len__(self) -> int:
        return len(self._lines)

    def make(self, row: int) -> Record:
        """Read the record of a row."""
        number = row + 1
        ((_, text),) = decode_lines([self._lines[row]], str(self.path), first=number)
        item = json_object(f"{self.path}:{number}", text, EXPECTED)
        return _Line(self.path, number, None).record(item)

    def _check_ids(self, hashes: NDArray[np.uint64]) -> None:
        """Refuse an id that two records have; two ids may have one hash."""
        _, group, sizes = np.unique(hashes, return_inverse=True, return_counts=True)
        first: dict[str, int] = {}
        for row in np.flatnonzero(sizes[group] > 1).tolist():
            record = self[row]
            if record.id in first:
                where = f"{self.path}:{record.line}: duplicate id {record.id!r}"
                raise DataError(f"{where}, first used in line {first[record.id]}")
            first[record.id] = row + 1


def read_records(path: Path, passages: Container[str] | None = None) -> Records:
    """Open a file of KILT records, ``.gz`` by suffix; with ``passages`` every ``passage_id`` must be one of them.

    Raises:
        DataError: names the line of the first record that is broken or incomplete, or else of one whose id is taken.
    """
    return Records(path, passages)


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write KILT records, atomically; reading them back gives equal records."""
    write_json_lines(path, map(record_object, records))


def record_object(record: Record) -> dict[str, Any]:
    """A record as the JSON object of its line."""
    output = []
    for item in record.outputs:
        entry: dict[str, Any] = {} if item.answer is None else {"answer": item.answer}
        if item.provenance:
            entry["provenance"] = [_provenance_object(p) for p in item.provenance]
        output.append(entry)
    item_object: dict[str, Any] = {"id": record.id, "input": record.input, "output": output}
    if record.meta:
        item_object["meta"] = record.meta
    return item_object


def _provenance_object(provenance: Provenance) -> dict[str, Any]:
    item: dict[str, Any] = {} if provenance.passage_id is None else {"passage_id": provenance.passage_id}
    if provenance.wikipedia_id is not None:
        item["wikipedia_id"] = provenance.wikipedia_id
    item["title"] = provenance.title
    if provenance.span is not None:
        item |= span_object(provenance.span)
    return {**item, "meta": {"evidence_span": list(provenance.evidence)}} if provenance.evidence else item


def id_text(value: Any) -> Any:
    """An id as text where a file has it as a whole number; anything else as it is."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class _Line:
    """One line being parsed: knows where it stands, for the messages."""

    def __init__(self, path: Path, number: int, passages: Container[str] | None) -> None:
        self.where = f"{path}:{number}"
        self.number = number
        self.passages = passages

    def record(self, item: dict[str, Any]) -> Record:
        return Record(
            id=self.text(id_text(item.get("id")), "'id'", item, "id"),
            input=self.text(item.get("input"), "'input'", item, "input"),
            outputs=tuple(self.output(o, i) for i, o in enumerate(self.rows(item.get("output", []), "'output'"))),
            meta=self.mapping(item.get("meta") or {}, "'meta'"),
            line=self.number,
        )

    def output(self, item: Any, index: int) -> Output:
        name = f"output {index}"
        item = self.mapping(item, name)
        answer = item.get("answer")
        if answer is not None and not isinstance(answer, str):
            raise self.error(f"the answer of {name} must be text, found {answer!r:.60}")
        rows = self.rows(item.get("provenance") or [], f"the provenance of {name}")
        return Output(answer, tuple(self.provenance(p, f"provenance {i} of {name}") for i, p in enumerate(rows)))

    def provenance(self, item: Any, name: str) -> Provenance:
        item = self.mapping(item, name)
        passage_id, page = item.get("passage_id"), id_text(item.get("wikipedia_id"))
        if passage_id is None and page is None:
            expected = "'passage_id': text, or a page as 'wikipedia_id': text"
            raise self.error(f"{name} names no passage; expected {expected}; {suggest('passage_id', item)}")
        for key, value in (("passage_id", passage_id), ("wikipedia_id", page)):
            if value is not None and not (isinstance(value, str) and value):
                raise self.error(f"the {key} of {name} must be non-empty text, found {value!r:.60}")
        if passage_id is not None and self.passages is not None and passage_id not in self.passages:
            raise self.error(f"{name} names passage {passage_id!r}, which is not in the passage collection")
        meta = self.mapping(item.get("meta") or {}, f"the meta of {name}")
        spans = self.rows(meta.get("evidence_span") or [], f"the evidence_span of {name}")
        if not all(isinstance(span, str) for span in spans):
            raise self.error(f"the evidence_span of {name} must be texts, found {spans!r:.60}")
        try:
            span = read_span(item)
        except DataError as error:
            raise self.error(f"{name}: {error}") from None
        return Provenance(passage_id, str(item.get("title") or ""), page, tuple(spans), span)

    def text(self, value: Any, name: str, item: dict[str, Any], key: str) -> str:
        if key not in item:
            raise self.error(f"the record has no {name}; {suggest(key, item)}; expected {EXPECTED}")
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{name} must be non-empty text, found {item[key]!r:.60}")
        return value

    def rows(self, value: Any, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise self.error(f"{name} must be a list, found {value!r:.60}")
        return value

    def mapping(self, value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.error(f"{name} must be an object, found {value!r:.60}")
        return value

    def error(self, message: str) -> DataError:
        return DataError(f"{self.where}: {message}")
