"""FiD's JSON (arXiv 2007.01282): ``[{id, question, answers, target?, ctxs: [{id?, title, text, score?}]}]``."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimmer.data.files import new_file, read_json_lines
from glimmer.data.json_array import read_json_array
from glimmer.data.kilt import id_text
from glimmer.errors import DataError, suggest

EXPECTED = 'an example {"id": text, "question": text, "answers": [text, …], "ctxs": [{"title": text, "text": text}, …]}'


@dataclass(frozen=True, slots=True)
class FidContext:
    """A retrieved passage of an example."""

    title: str
    text: str
    id: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class FidExample:
    """A question with its answers, the one to learn where the file names it, and its passages, best first."""

    id: str
    question: str
    answers: tuple[str, ...]
    contexts: tuple[FidContext, ...]
    target: str | None = None


def read_fid(path: Path) -> Iterator[tuple[str, FidExample]]:
    """Yield ``(FILE:LINE, example)``, one by one, of a JSON array or of JSON lines (``.jsonl``), ``.gz`` by suffix.

    As in FiD, an example without an id is called by its number, from 0. Scores may be numbers as text, as DPR has them.

    Raises:
        DataError: names the line of the first example that is broken, incomplete or repeated.
    """
    lines = path.name.removesuffix(".gz").endswith(".jsonl")
    seen: set[str] = set()
    for number, (line, item) in enumerate((read_json_lines if lines else read_json_array)(path, EXPECTED)):
        where = f"{path}:{line}"
        example = _example(where, item, number)
        if example.id in seen:
            raise DataError(f"{where}: duplicate id {example.id!r}; ids must be unique")
        seen.add(example.id)
        yield where, example


def write_fid(path: Path, examples: Iterable[FidExample]) -> None:
    """Write examples as a JSON array, or as JSON lines (``.jsonl``), atomically and one by one."""
    lines = path.name.removesuffix(".gz").endswith(".jsonl")
    before, between, after = ("", "\n", "\n") if lines else ("[\n", ",\n", "\n]\n")
    with new_file(path) as file:
        for example in examples:
            file.write(f"{before}{json.dumps(_object(example), ensure_ascii=False)}".encode())
            before = between
        file.write((after if before == between else before + after).encode())


def _object(example: FidExample) -> dict[str, Any]:
    item: dict[str, Any] = {"id": example.id, "question": example.question, "answers": list(example.answers)}
    if example.target is not None:
        item["target"] = example.target
    item["ctxs"] = []
    for context in example.contexts:
        entry: dict[str, Any] = {} if context.id is None else {"id": context.id}
        entry |= {"title": context.title, "text": context.text}
        item["ctxs"].append(entry if context.score is None else {**entry, "score": context.score})
    return item


def _example(where: str, item: dict[str, Any], number: int) -> FidExample:
    contexts = _list(where, item, "ctxs")
    answers = _list(where, item, "answers") if "answers" in item or "target" not in item else []
    for answer in answers:
        if not isinstance(answer, str):
            raise DataError(f"{where}: 'answers' must be texts, found {answer!r:.60}")
    return FidExample(
        id=_text(where, {"id": id_text(item.get("id", number))}, "id"),
        question=_text(where, item, "question"),
        answers=tuple(answers),
        contexts=tuple(_context(f"{where}: passage {i}", entry) for i, entry in enumerate(contexts)),
        target=_text(where, item, "target") if item.get("target") is not None else None,
    )


def _context(where: str, item: Any) -> FidContext:
    if not isinstance(item, dict):
        raise DataError(f"{where}: expected an object with 'title' and 'text', found {item!r:.60}")
    score = item.get("score")
    return FidContext(
        title=_text(where, item, "title", empty=True),
        text=_text(where, item, "text"),
        id=_text(where, {"id": id_text(item["id"])}, "id") if item.get("id") is not None else None,
        score=None if score is None else _score(where, score),
    )


def _score(where: str, value: Any) -> float:
    try:
        score = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        score = math.nan
    if not math.isfinite(score):
        raise DataError(f"{where}: 'score' must be a finite number, found {value!r:.60}")
    return score


def _list(where: str, item: dict[str, Any], key: str) -> list[Any]:
    value = _value(where, item, key)
    if not isinstance(value, list):
        raise DataError(f"{where}: {key!r} must be a list, found {value!r:.60}")
    return value


def _text(where: str, item: dict[str, Any], key: str, empty: bool = False) -> str:
    value = _value(where, item, key)
    if not isinstance(value, str) or not (empty or value.strip()):
        raise DataError(f"{where}: {key!r} must be {'' if empty else 'non-empty '}text, found {value!r:.60}")
    return value


def _value(where: str, item: dict[str, Any], key: str) -> Any:
    if key not in item:
        raise DataError(f"{where}: there is no {key!r}; {suggest(key, item)}; expected {EXPECTED}")
    return item[key]
