"""FiD's files as a corpus of one's own (passages, KILT records, candidates), and back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from glimmer.data.fid_json import FidContext, FidExample, read_fid
from glimmer.data.files import content_hash, json_line, new_file
from glimmer.data.folders import new_folder
from glimmer.data.index import key_of
from glimmer.data.kilt import record_object
from glimmer.data.passages import Collection
from glimmer.data.values import Output, Record
from glimmer.errors import DataError

FOUND = "found"
"""Folder of the candidates, for the retriever ``precomputed``."""


@dataclass(frozen=True)
class Counts:
    """What a corpus holds."""

    passages: int
    questions: Mapping[str, int]
    """By split."""


def corpus_of_fid(files: Mapping[str, Path], output: Path, name: str) -> Counts:
    """Make the folder ``output`` of FiD's files, one a split: a corpus with the task files ``NAME-SPLIT.jsonl``.

    Passages are kept once, by their id, or by their content where they have none. The target of an example is its first
    answer; where passages have no score, it is minus their place, from 0.

    Raises:
        DataError: a file is broken, which names the line; a passage id stands for two texts; or ``output`` is a folder
            with something in it.
    """
    known: dict[int, int] = {}
    questions: dict[str, int] = {}
    with new_folder(output) as folder, new_file(folder / "passages.jsonl") as passages:
        for split, path in files.items():
            stem = f"{name}-{split}.jsonl"
            with new_file(folder / stem) as records, new_file(folder / FOUND / stem) as candidates:
                questions[split] = 0
                for where, example in read_fid(path):
                    records.write(json_line(record_object(_record(example))))
                    ids = [_keep(where, context, known, passages) for context in example.contexts]
                    candidates.write(json_line(_found(where, example, ids)))
                    questions[split] += 1
    return Counts(len(known), questions)


def fid_of_corpus(
    records: Sequence[Record], hits: Mapping[str, Sequence[tuple[int, float]]], collection: Collection, most: int
) -> Iterator[FidExample]:
    """The examples of records with their first ``most`` candidates, rows of ``collection`` with scores by record id.

    Raises:
        DataError: a record has no candidates.
    """
    for record in records:
        if record.id not in hits:
            raise DataError(f"no candidates for the question {record.id!r}")
        found = [(collection.passages[row], score) for row, score in hits[record.id][:most]]
        contexts = tuple(FidContext(p.title, p.text, p.id, score) for p, score in found)
        yield FidExample(record.id, record.input, record.answers, contexts, record.meta.get("target"))


def _record(example: FidExample) -> Record:
    target = example.target
    answers = dict.fromkeys(example.answers if target is None else (target, *example.answers))
    return Record(example.id, example.question, tuple(map(Output, answers)), {"target": target} if target else {})


def _keep(where: str, context: FidContext, known: dict[int, int], file: BinaryIO) -> str:
    """The id of a passage, which is written when it is met first."""
    content = content_hash(context.title, context.text)
    name = content if context.id is None else context.id
    key, value = key_of(name), key_of(content)  # 16 bytes a passage, not its text
    if key not in known:
        known[key] = value
        file.write(json_line({"id": name, "title": context.title, "text": context.text}))
    elif known[key] != value:
        raise DataError(f"{where}: the passage {name!r} has another title or text than where it was met first")
    return name


def _found(where: str, example: FidExample, ids: Sequence[str]) -> dict[str, Any]:
    scores = [context.score for context in example.contexts]
    if any(score is None for score in scores) and any(score is not None for score in scores):
        raise DataError(f"{where}: passage {scores.index(None)} has no 'score', and others of the example have one")
    found = [
        {"passage_id": passage_id, "score": float(-place) if score is None else score}
        for place, (passage_id, score) in enumerate(zip(ids, scores, strict=True))
    ]
    return {"id": example.id, "candidates": found}
