"""Passages read through an index are those that are read into memory."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from glimmer.data import index, passages
from glimmer.data.collection import Corpus, DataConfig
from glimmer.data.index import index_folder
from glimmer.data.kilt import write_records
from glimmer.data.mapped import MappedPassages
from glimmer.data.passages import index_passages, read_passages, write_passages
from glimmer.data.values import Output, Passage, Provenance, Record
from glimmer.errors import DataError
from glimmer.retrieval import RETRIEVERS
from glimmer.retrieval.candidate_file import keep_candidates

PASSAGES = [Passage(f"é{i}", f"T{i}" * (i % 3), "text " * (i % 5 + 1)) for i in range(100)]
SPLITS = {p.id: "train" if i % 2 else "dev" for i, p in enumerate(PASSAGES) if i % 3}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_passages(tmp_path / "passages.jsonl", PASSAGES, SPLITS)
    return tmp_path / "passages.jsonl"


@pytest.mark.parametrize("bucket", [3, 50, 1 << 20])
def test_an_index_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch, bucket: int) -> None:
    monkeypatch.setattr(index, "BUCKET", bucket)
    monkeypatch.setattr(passages, "LINES", 7)
    held = read_passages(path)
    assert index_passages(path) == len(PASSAGES)
    mapped = read_passages(path)
    assert isinstance(mapped.passages, MappedPassages)
    assert list(mapped.passages) == list(held.passages) == PASSAGES
    assert [mapped.passages[i] for i in (-1, 0, 5)] == [PASSAGES[i] for i in (-1, 0, 5)]
    assert mapped.passages[3:9:2] == held.passages[3:9:2]
    assert dict(mapped.rows) == dict(held.rows)
    assert dict(mapped.splits) == dict(held.splits) == SPLITS
    assert len(mapped.splits) == len(SPLITS)
    assert [mapped.splits.get(p.id) for p in PASSAGES] == [SPLITS.get(p.id) for p in PASSAGES]
    assert mapped[PASSAGES[7].id] == PASSAGES[7]
    assert "nowhere" not in mapped
    with pytest.raises(DataError, match="no passage 'nowhere' in the collection"):
        mapped["nowhere"]
    with pytest.raises(IndexError):
        mapped.passages[100]


def test_a_corpus_reads_it_as_any_other(path: Path) -> None:
    held = Corpus(DataConfig(dir=str(path.parent)))
    before = [p.id for p in held.passages("train")], held.search("text")
    index_passages(path)
    mapped = Corpus(DataConfig(dir=str(path.parent)))
    assert ([p.id for p in mapped.passages("train")], mapped.search("text")) == before


def test_kept_candidates_belong_to_the_content_of_the_file(path: Path) -> None:
    hashes = set()
    for title in ("T1", "T2", "T1"):
        path.write_text(path.read_text().replace("T1", title))
        index_passages(path)
        hashes.add(Corpus(DataConfig(dir=str(path.parent)))._passages_hash)
        write_passages(path, PASSAGES, SPLITS)
    assert len(hashes) == 2


def test_precomputed_candidates_read_no_passage_but_theirs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = Record("a", "text", (Output("text", (Provenance(PASSAGES[3].id),)),))
    write_records(path.parent / "open_qa-dev.jsonl", [record])
    keep_candidates(path.parent / "open_qa-dev.found", [record], PASSAGES, lambda _: [[(5, 2.0), (3, 1.0)]])
    index_passages(path)
    retriever = RETRIEVERS.configure("precomputed", path=f"{path.parent}/{{name}}.found")
    read = set()
    item = MappedPassages.item
    monkeypatch.setattr(MappedPassages, "item", lambda self, row: read.add(row) or item(self, row))
    (found,) = Corpus(DataConfig(dir=str(path.parent), retrievers={"default": retriever})).candidates("open_qa", "dev")
    assert [(c.passage, c.score, c.gold) for c in found] == [(PASSAGES[5], 2.0, False), (PASSAGES[3], 1.0, True)]
    assert read == {3, 5}


def test_it_can_be_sent_to_another_process(path: Path) -> None:
    index_passages(path)
    sent = pickle.dumps(MappedPassages(path))
    assert len(sent) < 500
    assert pickle.loads(sent)[4] == PASSAGES[4]


def test_ids_of_one_key_are_told_apart(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "key_of", len)
    index_passages(path)
    mapped = MappedPassages(path)
    assert [mapped.row(p.id) for p in PASSAGES] == list(range(100))
    assert mapped.row("éx") is None


def test_a_changed_file_or_index_is_refused(path: Path) -> None:
    index_passages(path)
    folder = index_folder(path)
    keys = np.load(folder / "keys.npy")
    np.save(folder / "keys.npy", keys[1:])
    with pytest.raises(DataError, match=r"keys\.npy: the index is damaged: expected <u8 of shape"):
        read_passages(path)
    (folder / "keys.npy").unlink()
    with pytest.raises(DataError, match=r"keys\.npy: the index is damaged"):
        read_passages(path)
    text = path.read_text()
    path.write_text(text.replace("T1", "T2"))
    with pytest.raises(DataError, match=r"another passages\.jsonl than the one beside it; make it anew with"):
        read_passages(path)
    index_passages(path)
    assert read_passages(path)["é1"].title == "T2"
    described = json.loads((folder / "index.json").read_text())
    for key, value in (("format_version", 9), ("passages", None), ("placed", "many"), ("sha256", 3)):
        (folder / "index.json").write_text(json.dumps({**described, key: value}))
        with pytest.raises(DataError, match=f"expected '{key}': .*, found {value!r}"):
            read_passages(path)


def test_a_file_that_is_cut_while_it_is_read_is_named(path: Path) -> None:
    index_passages(path)
    mapped = MappedPassages(path)
    path.write_text("")
    with pytest.raises(DataError, match=r"passages\.jsonl:8: not JSON: .*the file was changed since its index"):
        mapped[7]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"id": "é1", "title": "T", "text": "t"}', ":101: duplicate passage id 'é1', first used in line 2"),
        ('{"id": "q", "title": "T"}', ":101: the passage has no 'text'"),
        ("{", ":101: not JSON"),
        ('{"id": "q", "title": "T", "text": "t\\ud800"}', ":101: 'text' of a passage has half a surrogate pair"),
    ],
)
def test_a_broken_line_is_named_and_no_index_is_left(path: Path, line: str, words: str) -> None:
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(DataError) as caught:
        index_passages(path)
    assert str(caught.value).startswith(f"{path}{words}")
    assert [p.name for p in path.parent.iterdir()] == ["passages.jsonl"]


def test_an_empty_or_packed_file_has_no_index(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").touch()
    with pytest.raises(DataError, match="the file is empty"):
        index_passages(tmp_path / "p.jsonl")
    with pytest.raises(DataError, match="cannot be read in the middle"):
        index_passages(tmp_path / "p.jsonl.gz")
