"""KILT's eleven sets (arXiv 2009.02252): which task each is, how its files are called, and how large they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from glimmer.errors import ConfigError, DataError

if TYPE_CHECKING:  # or torch would be imported only to fetch files
    from glimmer.data.values import Record

SPLITS = ("train", "dev", "test")
SEPARATOR = "[SEP]"
"""Between subject and relation of a slot."""
MENTION = ("[START_ENT]", "[END_ENT]")
"""Before and after the mention that is to be linked."""
LABELS = ("SUPPORTS", "REFUTES")


@dataclass(frozen=True)
class KiltSet:
    """One of KILT's sets; its name in the configuration is its key in ``KILT_SETS``."""

    title: str
    task: str
    """The registered task that it is one of."""
    stem: str
    rows: Mapping[str, int]
    """Split → records."""
    megabytes: Mapping[str, float]
    """Split → about how much is to be fetched, where that is known."""
    ids_only: bool = False
    """True: it is published without its questions, which are joined by id from where they come from."""

    def file(self, split: str) -> str:
        """The name of a split's file, with its questions."""
        return kilt_name(self.stem, split)

    def published(self, split: str) -> str:
        """The name under which a split is published."""
        if not self.ids_only:
            return self.file(split)
        return f"{self.stem}-{'test_id_without_answers' if split == 'test' else f'{split}_id'}-kilt.jsonl"


def kilt_name(stem: str, split: str) -> str:
    """How KILT calls the file of a split; test sets are blind."""
    return f"{stem}-{'test_without_answers' if split == 'test' else split}-kilt.jsonl"


def _set(
    title: str, task: str, stem: str, rows: Sequence[int], megabytes: Sequence[float], ids_only: bool = False
) -> KiltSet:
    """A set whose splits are the last of train, dev and test."""
    splits = SPLITS[-len(rows) :]
    return KiltSet(
        title, task, stem, dict(zip(splits, rows, strict=True)), dict(zip(splits, megabytes, strict=False)), ids_only
    )


KILT_SETS: Mapping[str, KiltSet] = {
    "nq": _set("Natural Questions", "open_qa", "nq", (87_372, 2_837, 1_444), (52, 7.9)),
    "triviaqa": _set("TriviaQA", "open_qa", "triviaqa", (61_844, 5_359, 6_586), (102, 9.8), ids_only=True),
    "hotpotqa": _set("HotpotQA", "multi_hop", "hotpotqa", (88_869, 5_600, 5_569), (53, 4.0)),
    "eli5": _set("ELI5", "open_qa", "eli5", (272_634, 1_507, 600), (548, 14)),
    "fever": _set("FEVER", "fact_verification", "fever", (104_966, 10_444, 10_100), (39, 6.2)),
    "trex": _set("T-REx", "slot_filling", "trex", (2_284_168, 5_000, 5_000), (1_750, 3.8)),
    "zsre": _set("zero-shot RE", "slot_filling", "structured_zeroshot", (147_909, 3_724, 4_966), (71, 2.3)),
    "aida": _set("AIDA CoNLL-YAGO", "entity_linking", "aidayago2", (18_395, 4_784, 4_463), (70, 21)),
    "wned_wiki": _set("WNED-WIKI", "entity_linking", "wned", (3_396, 3_376), ()),
    "wned_cweb": _set("WNED-CWEB", "entity_linking", "cweb", (5_599, 5_543), ()),
    "wow": _set("Wizard of Wikipedia", "dialogue", "wow", (63_734, 3_054, 2_944), (49, 2.4)),
}


def check_stem(name: str, stem: str) -> None:
    """Refuse the files of one of KILT's sets for a set of another task; of the same task, they may well be meant.

    Raises:
        ConfigError: ``name`` is a set's, and ``stem`` that of a set of another task.
    """
    own, given = KILT_SETS.get(name), next((s for s in KILT_SETS.values() if s.stem == stem), None)
    if own is not None and given is not None and given.task != own.task:
        raise ConfigError(
            f"tasks.{name}.data is {stem!r}, which is {given.title}, a set of {given.task}; {own.title} is {own.stem!r}"
        )


def check_set(path: Path, stem: str, split: str, records: Sequence["Record"]) -> None:
    """Refuse a file of KILT's that holds another set than its name says: by its form, or by its number of records.

    Raises:
        DataError: it does; the message says which it seems to be.
    """
    own = next((s for s in KILT_SETS.values() if s.stem == stem and split in s.rows), None)
    if own is None:
        return
    task, why = _form(records)
    if task is not None and task != own.task:
        raise DataError(f"{path}: seems to be a set of {task} ({why}); {own.title} is one of {own.task}")
    if task is None and own.task in _EXPECTED and any(record.answers for record in records):
        raise DataError(f"{path}: is no set of {own.task}, as {own.title} is: {_EXPECTED[own.task]}")
    count = len(records)
    for other in KILT_SETS.values():
        alike = other.task == own.task or not {other.task, own.task}.intersection(_EXPECTED)
        if alike and count == other.rows.get(split) != own.rows[split]:
            raise DataError(
                f"{path}: holds {count:,} records, as {other.title} does ({other.file(split)}); "
                f"{own.title} has {own.rows[split]:,}; fetch it anew with `glimmer fetch`"
            )


_EXPECTED = {
    "slot_filling": f"every input must hold {SEPARATOR}",
    "entity_linking": f"every input must hold {' and '.join(MENTION)}",
    "fact_verification": f"every answer must be {' or '.join(LABELS)}",
}


def _form(records: Sequence["Record"]) -> tuple[str | None, str]:
    """The task whose form all records have, and what it is known by."""
    if all(SEPARATOR in record.input for record in records):
        return "slot_filling", f"every input holds {SEPARATOR}"
    if all(mark in record.input for record in records for mark in MENTION):
        return "entity_linking", f"every input holds {' and '.join(MENTION)}"
    answers = {answer for record in records for answer in record.answers}
    if answers and answers.issubset(LABELS):
        return "fact_verification", f"every answer is {' or '.join(LABELS)}"
    return None, ""
