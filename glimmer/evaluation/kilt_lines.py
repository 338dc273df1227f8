"""Lines of gold and guess files as KILT's scorer takes them: answers, and the ids of what supports them."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimmer.data.files import read_json_lines
from glimmer.errors import DataError, suggest
from glimmer.evaluation.retrieval import Evidence

GOLD = 'a KILT record {"id": text, "output": [{"answer": text, "provenance": [{"wikipedia_id": text}]}]}'
GUESS = 'a guess {"id": text, "output": [{"answer": text, "provenance": [{"wikipedia_id": text}, …]}]}, best page first'

RankKeys = Sequence[str]
"""The keys of a provenance that together say what was retrieved."""


@dataclass(frozen=True, slots=True)
class Gold:
    """What a gold record says."""

    line: int
    answers: tuple[str, ...]
    """The distinct valid answers."""
    pages: tuple[Evidence, ...]
    """The ids of every output, for R-precision: without what lacks a rank key."""
    evidence: tuple[Evidence, ...]
    """The evidence set of every output with a provenance, for ranks: what lacks a rank key is the id of the others."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a guess says: an answer, and the distinct ids in rank order."""

    answer: str
    ids: tuple[str, ...]


def read_gold(path: Path, rank_keys: RankKeys) -> dict[str, Gold]:
    """Read the gold records by their ids, in file order.

    Raises:
        DataError: names the line of the first record that is broken, repeated or without output.
    """
    found: dict[str, Gold] = {}
    for line, name, item in _identified(path, GOLD):
        where = f"{path}:{line}: the gold record {name!r}"
        if "output" not in item:
            raise DataError(f"{where} has no 'output' (is this a blind test set?); {suggest('output', item)}")
        outputs = _outputs(item, where)
        if not outputs:
            raise DataError(f"{where} has no output; expected at least one")
        provenances = [_provenance(output, where) for output in outputs if "provenance" in output]
        found[name] = Gold(
            line,
            tuple(dict.fromkeys(filter(None, (_gold_answer(output, where) for output in outputs)))),
            tuple(frozenset(_ids(rows, rank_keys)) for rows in provenances),
            tuple(frozenset(_identity(row, rank_keys) for row in rows) for rows in provenances),
        )
    return found


def read_guesses(
    path: Path, wanted: Container[str], rank_keys: RankKeys, *, answers: bool = True
) -> Iterator[tuple[str, Guess | None]]:
    """Yield ``(id, guess)`` of every line; ``None`` for an id that is not wanted, of which nothing else is looked at.

    ``answers=False`` takes, as KILT's retrieval evaluation does, the one output that has a provenance, and any answer.

    Raises:
        DataError: names the line of the first guess that is broken, repeated, or has not exactly one output.
    """
    for line, name, item in _identified(path, GUESS):
        if name not in wanted:
            yield name, None
            continue
        where = f"{path}:{line}: the guess {name!r}"
        if "output" not in item:
            raise DataError(f"{where} has no 'output'; {suggest('output', item)}; expected {GUESS}")
        outputs = _outputs(item, where)
        if not answers:
            outputs = [output for output in outputs if "provenance" in output]
        if len(outputs) != 1:
            count = "no entry" if not outputs else f"{len(outputs)} entries"
            kind = "" if answers else " with a provenance"
            raise DataError(f"{where}: 'output' has {count}{kind}; expected exactly one")
        (output,) = outputs
        answer = _guessed_answer(output, where) if answers else ""
        rows = _provenance(output, where) if "provenance" in output else []
        yield name, Guess(answer, tuple(dict.fromkeys(_ids(rows, rank_keys))))


def _identified(path: Path, expected: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield ``(line, id, object)``: an id is compared as text, without blanks around it."""
    lines: dict[str, int] = {}
    for line, item in read_json_lines(path, expected):
        if "id" not in item:
            raise DataError(f"{path}:{line}: there is no 'id'; {suggest('id', item)}; expected {expected}")
        value = item["id"]
        if not isinstance(value, str | int | float):
            raise DataError(f"{path}:{line}: 'id' must be text or a number, found {value!r:.60}")
        name = str(value).strip()
        if name in lines:
            raise DataError(f"{path}:{line}: duplicate id {name!r}, first used in line {lines[name]}")
        lines[name] = line
        yield line, name, item


def _outputs(item: dict[str, Any], where: str) -> list[dict[str, Any]]:
    return _objects(item["output"], "'output'", where)


def _provenance(output: dict[str, Any], where: str) -> list[dict[str, Any]]:
    return _objects(output["provenance"], "'provenance'", where)


def _objects(value: Any, name: str, where: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise DataError(f"{where}: {name} must be a list of objects, found {value!r:.60}")
    return value


def _gold_answer(output: dict[str, Any], where: str) -> str:
    """The answer of a gold output; nothing where it has none."""
    answer = output.get("answer") or ""
    if not isinstance(answer, str):
        raise DataError(f"{where}: an answer must be text, found {answer!r:.60}")
    return answer.strip()


def _guessed_answer(output: dict[str, Any], where: str) -> str:
    """The answer of a guess, which may be empty; KILT takes a number as its text."""
    if "answer" not in output:
        raise DataError(f"{where} has no answer text; expected 'answer': text; {suggest('answer', output)}")
    answer = output["answer"]
    if not isinstance(answer, str | int | float):
        raise DataError(f"{where} has no answer text; expected 'answer': text, found {answer!r:.60}")
    return str(answer).strip()


def _ids(rows: list[dict[str, Any]], rank_keys: RankKeys) -> Iterator[str]:
    """The ids of what has all rank keys."""
    return (_identity(row, rank_keys) for row in rows if all(key in row for key in rank_keys))


def _identity(row: dict[str, Any], rank_keys: RankKeys) -> str:
    """The values of those rank keys that are there, joined; the empty id where none is."""
    return "+".join(str(row[key]).strip() for key in rank_keys if key in row)
