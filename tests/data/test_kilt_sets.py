"""KILT's sets: their files, and a file that holds another set than its name says."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from glimmer.data.collection import Corpus, DataConfig
from glimmer.data.kilt import write_records
from glimmer.data.kilt_sets import KILT_SETS
from glimmer.data.passages import write_passages
from glimmer.data.values import Output, Passage, Record
from glimmer.errors import DataError
from glimmer.tasks import TASKS
from glimmer.tasks.supervised import SupervisedTask

ANSWERS = {"fact_verification": "SUPPORTS"}
INPUTS = {"slot_filling": "Chad [SEP] capital", "entity_linking": "x [START_ENT] Chad [END_ENT] y"}


def records(task: str, count: int = 2) -> list[Record]:
    """Records of the form of a task."""
    made = (INPUTS.get(task, "What is it?"), (Output(ANSWERS.get(task, "N'Djamena")),))
    return [Record(str(number), *made) for number in range(count)]


def read(folder: Path, name: str, items: Sequence[Record], split: str = "dev", stem: str | None = None) -> int:
    write_passages(folder / "passages.jsonl", [Passage("p", "Chad", "The capital.")])
    write_records(folder / KILT_SETS[name].file(split), items)
    return len(Corpus(DataConfig(dir=str(folder))).records(stem or KILT_SETS[name].stem, split))


def test_files_are_called_as_kilt_calls_them() -> None:
    zsre, triviaqa = KILT_SETS["zsre"], KILT_SETS["triviaqa"]
    assert zsre.file("dev") == zsre.published("dev") == "structured_zeroshot-dev-kilt.jsonl"
    assert zsre.file("test") == "structured_zeroshot-test_without_answers-kilt.jsonl"
    assert triviaqa.file("train") == "triviaqa-train-kilt.jsonl"
    assert triviaqa.published("train") == "triviaqa-train_id-kilt.jsonl"
    assert triviaqa.published("test") == "triviaqa-test_id_without_answers-kilt.jsonl"
    assert set(KILT_SETS["wned_wiki"].rows) == {"dev", "test"}


def test_every_set_is_of_a_registered_task_over_records() -> None:
    assert len(KILT_SETS) == 11
    for kilt in KILT_SETS.values():
        assert issubclass(TASKS[kilt.task].component, SupervisedTask)
        assert set(kilt.megabytes) <= set(kilt.rows)


@pytest.mark.parametrize("name", KILT_SETS)
def test_a_corpus_reads_kilts_own_file_names(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, name, records(KILT_SETS[name].task)) == 2
    assert read(tmp_path, name, records(KILT_SETS[name].task, 3), "test") == 3


@pytest.mark.parametrize(
    ("name", "other", "message"),
    [
        (
            "nq",
            "fact_verification",
            r"set of fact_verification \(every answer is SUPPORTS or REFUTES\); Natural Q",
        ),
        (
            "nq",
            "slot_filling",
            r"set of slot_filling \(every input holds \[SEP\]\); Natural Questions is one",
        ),
        ("fever", "open_qa", "is no set of fact_verification, as FEVER is: every answer must be SUPPORTS or REFUTES"),
        ("trex", "open_qa", r"is no set of slot_filling, as T-REx is: every input must hold \[SEP\]"),
        (
            "aida",
            "slot_filling",
            r"set of slot_filling \(every input holds \[SEP\]\); AIDA CoNLL-YAGO is",
        ),
        ("wow", "entity_linking", "seems to be a set of entity_linking"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, name: str, other: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, name, records(other))
    assert str(caught.value).startswith(f"{tmp_path / KILT_SETS[name].file('dev')}: ")


def test_a_file_of_as_many_records_as_another_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, "nq", records("open_qa", KILT_SETS["eli5"].rows["dev"]))
    assert str(caught.value) == (
        f"{tmp_path}/nq-dev-kilt.jsonl: holds 1,507 records, as ELI5 does (eli5-dev-kilt.jsonl); "
        "Natural Questions has 2,837; fetch it anew with `glimmer fetch`"
    )


def test_a_file_of_either_name_is_one_too_many(tmp_path: Path) -> None:
    write_records(tmp_path / "nq-dev.jsonl", records("open_qa"))
    with pytest.raises(DataError, match=r"nq-dev\.jsonl: nq-dev-kilt\.jsonl lies beside it; keep one of the two"):
        read(tmp_path, "nq", records("open_qa"))
