"""A corpus finds what its retriever finds, keeps it, and never adds gold passages."""

import gzip
from pathlib import Path

import pytest

from glimmer.data.collection import Corpus, DataConfig
from glimmer.data.kilt import write_records
from glimmer.data.passages import index_passages, write_passages
from glimmer.data.spans import Span
from glimmer.data.values import Output, Passage, Provenance, Record
from glimmer.errors import ConfigError, DataError
from glimmer.retrieval import RETRIEVERS
from glimmer.retrieval.bm25 import Bm25

PASSAGES = [
    Passage("p0", "Chad: Government", "The capital is N'Djamena."),
    Passage("p1", "Niger: Government", "The capital is Niamey."),
    Passage("p2", "Niger: Economy", "Uranium and onions."),
]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_passages(tmp_path / "passages.jsonl", PASSAGES, {"p0": "train", "p1": "test", "p2": "test"})
    niamey = Output("Niamey", (Provenance("p1"),))
    onions = Output("onions", (Provenance("p2"),))
    records = [Record("a", "What is the capital of Niger?", (niamey,)), Record("b", "zzz?", (onions,))]
    write_records(tmp_path / "open_qa-dev.jsonl", records)
    return tmp_path


def test_candidates_are_ranked_flagged_and_never_completed(directory: Path) -> None:
    first, nothing = Corpus(DataConfig(dir=str(directory))).candidates("open_qa", "dev")
    assert [(c.passage.id, c.gold) for c in first] == [("p1", True), ("p2", False), ("p0", False)]
    assert [c.score for c in first] == sorted((c.score for c in first), reverse=True)
    assert nothing == ()


@pytest.mark.parametrize("indexed", [False, True])
def test_pages_and_stretches_of_them_are_gold(tmp_path: Path, indexed: bool) -> None:
    parts = [Passage(f"7-{i}", "Niger", "capital of Niger", "7", Span(i, 0, i, 90)) for i in range(4)]
    write_passages(tmp_path / "passages.jsonl", [*parts, Passage("8-0", "Chad", "capital of Chad", "8")])
    span = Provenance(None, wikipedia_id="7", span=Span(1, 80, 2, 1))
    page, unknown = Provenance(None, wikipedia_id="8"), Provenance(None, wikipedia_id="9")
    record = Record("a", "capital of Niger", (Output("Niamey", (span,)), Output("N'Djamena", (page, unknown))))
    write_records(tmp_path / "open_qa-dev.jsonl", [record])
    if indexed:
        index_passages(tmp_path / "passages.jsonl")
    corpus = Corpus(DataConfig(dir=str(tmp_path)))
    (found,) = corpus.candidates("open_qa", "dev")
    assert {c.passage.id: c.gold for c in found} == {
        "7-0": False, "7-1": True, "7-2": True, "7-3": False, "8-0": True,
    }  # fmt: skip
    assert [corpus.gold_passage(p) for p in (span, page, unknown)] == [parts[1], found[-1].passage, None]


def test_candidates_are_kept_and_read_back_equal(directory: Path) -> None:
    config = DataConfig(dir=str(directory), retrieved=2)
    made = Corpus(config).candidates("open_qa", "dev")
    files = list((directory / "candidates").iterdir())
    assert len(files) == 1
    stamp = files[0].stat().st_mtime_ns
    assert list(Corpus(config).candidates("open_qa", "dev")) == list(made)
    assert files[0].stat().st_mtime_ns == stamp


def test_kept_candidates_need_no_index(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = DataConfig(dir=str(directory), retrievers={"default": RETRIEVERS.configure("two_step")})
    made = Corpus(config).candidates("open_qa", "dev")

    def refuse(retriever: Bm25) -> None:
        raise AssertionError("an index is made or read")

    monkeypatch.setattr(Bm25, "index", property(refuse))
    assert list(Corpus(config).candidates("open_qa", "dev")) == list(made)


def test_what_decides_the_candidates_decides_the_file(directory: Path) -> None:
    Corpus(DataConfig(dir=str(directory))).candidates("open_qa", "dev")
    other = {"default": RETRIEVERS.configure("bm25", k1=0.9)}
    Corpus(DataConfig(dir=str(directory), retrievers=other)).candidates("open_qa", "dev")
    Corpus(DataConfig(dir=str(directory), retrieved=1)).candidates("open_qa", "dev")
    write_passages(directory / "passages.jsonl", PASSAGES[::-1])
    again = Corpus(DataConfig(dir=str(directory))).candidates("open_qa", "dev")
    assert len(list((directory / "candidates").iterdir())) == 4
    assert again[0][0].passage.id == "p1"


def test_passages_of_a_split(directory: Path) -> None:
    corpus = Corpus(DataConfig(dir=str(directory)))
    assert [p.id for p in corpus.passages("train")] == ["p0"]
    assert corpus.passages() == tuple(PASSAGES)
    with pytest.raises(DataError, match="did you mean 'train'"):
        corpus.passages("trian")
    write_passages(directory / "passages.jsonl", PASSAGES)
    assert Corpus(DataConfig(dir=str(directory))).passages("train") == tuple(PASSAGES)


def test_free_questions_have_candidates_without_gold(directory: Path) -> None:
    found = Corpus(DataConfig(dir=str(directory), retrieved=1)).search("capital of Chad")
    assert [(c.passage.id, c.gold) for c in found] == [("p0", False)]


def test_what_is_held_back_of_training_is_a_split_of_its_own(tmp_path: Path) -> None:
    write_passages(tmp_path / "passages.jsonl", PASSAGES)
    records = [Record(f"q{i}", "Niger?", (Output("yes"),)) for i in range(400)]
    write_records(tmp_path / "open_qa-train.jsonl", records)

    def ids(split: str, share: float) -> list[str]:
        corpus = Corpus(DataConfig(dir=str(tmp_path), held_back=share))
        return [record.id for record in corpus.records("open_qa", split)]

    train, held = ids("train", 0.25), ids("held_back", 0.25)
    assert sorted(train + held) == sorted(ids("train", 0.0))
    assert 70 < len(held) < 130
    assert set(ids("held_back", 0.1)) < set(held)
    corpus = Corpus(DataConfig(dir=str(tmp_path), held_back=0.25))
    assert [records[r.line - 1].id for r in corpus.records("open_qa", "held_back") if r.line] == held
    assert len(corpus.candidates("open_qa", "held_back")) == len(held)
    with pytest.raises(DataError, match=r"open_qa-held_back\.jsonl: no such file"):
        ids("held_back", 0.0)


def test_compressed_files_are_read_and_a_read_only_folder_keeps_nothing(directory: Path, tmp_path: Path) -> None:
    plain = Corpus(DataConfig(dir=str(directory))).candidates("open_qa", "dev")
    packed, cache = tmp_path / "packed", tmp_path / "cache"
    packed.mkdir()
    for name in ("passages.jsonl", "open_qa-dev.jsonl"):
        (packed / f"{name}.gz").write_bytes(gzip.compress((directory / name).read_bytes()))
    packed.chmod(0o555)
    corpus = Corpus(DataConfig(dir=str(packed), cache=str(cache)))
    assert list(corpus.candidates("open_qa", "dev")) == list(plain)
    assert sorted(path.name for path in packed.iterdir()) == ["open_qa-dev.jsonl.gz", "passages.jsonl.gz"]
    assert {path.name for path in cache.iterdir()} == {"candidates", "index"}


def test_missing_files_and_options_name_the_nearest(directory: Path) -> None:
    with pytest.raises(DataError, match=r"open_qa-test\.jsonl: no such file; did you mean 'open_qa-dev\.jsonl'"):
        Corpus(DataConfig(dir=str(directory))).records("open_qa", "test")
    with pytest.raises(DataError, match="glimmer corpus build"):
        Corpus(DataConfig(dir=str(directory / "none"))).passages()
    with pytest.raises(ConfigError, match="retrieved must be at least 1"):
        DataConfig(retrieved=0)
    with pytest.raises(ConfigError, match="'default'"):
        DataConfig(retrievers={})
