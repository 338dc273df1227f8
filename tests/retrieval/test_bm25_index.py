"""BM25 over its index on disk: the scores of the library bm25s, however the index is made and opened."""

import json
import mmap
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import pytest

from glimmer.data.mapped import MappedPassages
from glimmer.data.passages import index_passages, read_passages, write_passages
from glimmer.data.values import Passage
from glimmer.errors import DataError, StoreError
from glimmer.retrieval import RETRIEVERS, Hits, Retriever, inversion, postings_file
from glimmer.retrieval.bm25 import Bm25
from glimmer.retrieval.bm25_formula import VARIANTS
from glimmer.retrieval.inversion import write_inverted_index
from glimmer.retrieval.inverted_index import InvertedIndex

MADE_OF = {"code": "c", "stopwords": "en", "plurals": False, "passages": "p"}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many runs, and many steps of merging them."""
    monkeypatch.setattr(inversion, "RUN_TOKENS", 50)
    monkeypatch.setattr(postings_file, "MERGED_POSTINGS", 7)
    monkeypatch.setattr(postings_file, "READ_WORDS", 30)


def zipf(passages: int, seed: int = 0) -> list[list[str]]:
    """Passages of few and common words, some of none, many of them alike."""
    rng = np.random.default_rng(seed)
    made = [[f"w{int(60**x)}é" for x in rng.random(rng.integers(0, 12))] for _ in range(passages)]
    return [made[row] for row in rng.integers(0, passages, passages)]


def found_by_bm25s(
    model: Any, words: Sequence[str], k: int, among: Sequence[int] | None = None
) -> list[tuple[int, float]]:
    """Everything as good as the k-th, the earlier of equals first, of the passages that hold one of the words."""
    known = [word for word in words if word in model.vocab_dict]
    if not known:
        return []
    scores = model.get_scores(known)
    starts, indices = model.scores["indptr"], model.scores["indices"]
    columns = [model.vocab_dict[word] for word in known]
    held = {int(row) for column in columns for row in indices[starts[column] : starts[column + 1]]}
    rows = [row for row in (range(len(scores)) if among is None else among) if row in held]
    return [(row, float(scores[row])) for row in sorted(rows, key=lambda row: -scores[row])[:k]]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("method", VARIANTS)
@pytest.mark.parametrize(("k1", "b"), [(1.5, 0.75), (1.2, 0.3), (0.9, 1.0), (2.0, 0.0)])
def test_hits_are_those_of_bm25s_to_the_last_bit(tmp_path: Path, method: str, k1: float, b: float) -> None:
    words = zipf(120)
    passages = [Passage(f"p{row}", "", " ".join(some)) for row, some in enumerate(words)]
    config = RETRIEVERS.configure("bm25", method=method, k1=k1, b=b)
    made = Bm25(config, passages, tmp_path)
    model = bm25s.BM25(method=method, k1=k1, b=b)
    model.index([made._words(passage.text) for passage in passages], show_progress=False)
    rng = np.random.default_rng(1)
    for k in (1, 5, 200):
        for query in zipf(12, seed=k):
            spelt = made._words(" ".join([*query, "unknown"]))
            assert made._best(spelt, k) == found_by_bm25s(model, spelt, k)
            among = rng.permutation(120)[:30].tolist()
            assert made._best(spelt, k, among) == found_by_bm25s(model, spelt, k, among)


def write(folder: Path, words: Sequence[Sequence[str]]) -> InvertedIndex:
    write_inverted_index(folder, MADE_OF, words)
    return InvertedIndex(folder, MADE_OF)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_runs_change_no_byte(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    words = zipf(300)
    write(tmp_path / "one", words)
    request.getfixturevalue("small")
    write(tmp_path / "many", words)
    assert files(tmp_path / "one") == files(tmp_path / "many")


@pytest.mark.usefixtures("small")
def test_postings_are_what_is_counted(tmp_path: Path) -> None:
    words = [*zipf(80), ["often"] * 300, [], ["a", "ab", "é", "z", "\U0001f600"]]
    index = write(tmp_path / "index", words)
    assert index.lengths.tolist() == [len(some) for some in words]
    assert index.passages == len(words)
    assert index.mean_length == np.mean([len(some) for some in words])
    for word in {word for some in words for word in some}:
        postings = index.find(word)
        assert postings is not None
        wanted = [(row, Counter(some)[word]) for row, some in enumerate(words) if word in some]
        assert list(zip(postings.rows.tolist(), postings.counts.tolist(), strict=True)) == wanted
    assert [index.find(word) for word in ("", "aa", "ac", "zz", "\uffff", "\U0001f601")] == [None] * 6


@pytest.mark.parametrize("words", [[], [[]], [[], []]])
def test_a_collection_without_words_has_an_index(tmp_path: Path, words: list[list[str]]) -> None:
    index = write(tmp_path / "index", words)
    assert (index.passages, index.find("a")) == (len(words), None)


def test_opening_maps_the_arrays_and_reads_none(tmp_path: Path) -> None:
    def is_mapped(array: Any) -> bool:
        return isinstance(array, mmap.mmap) or (array is not None and is_mapped(getattr(array, "base", None)))

    index = write(tmp_path / "index", zipf(50))
    arrays = [value for value in vars(index).values() if isinstance(value, np.ndarray)]
    assert len(arrays) == 6
    assert all(map(is_mapped, arrays))


def test_damage_names_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    write(folder, zipf(50))
    for file in sorted(folder.glob("*.npy")):
        whole = file.read_bytes()
        file.write_bytes(whole[:-1])
        with pytest.raises(
            StoreError, match=rf"{file.name}: cannot be read \(.*\); remove {folder} to have it made anew"
        ):
            InvertedIndex(folder, MADE_OF)
        file.unlink()
        with pytest.raises(StoreError, match=rf"{file.name}: cannot be read"):
            InvertedIndex(folder, MADE_OF)
        np.save(
            file, np.zeros(np.load(folder / "lengths.npy" if file.name != "lengths.npy" else folder / "rows.npy").shape)
        )
        with pytest.raises(StoreError, match=rf"{file.name}: cannot be read \(expected .* of shape .*, found <f8"):
            InvertedIndex(folder, MADE_OF)
        file.write_bytes(whole)
    InvertedIndex(folder, MADE_OF)


def test_what_is_of_another_version_or_collection_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    write(folder, zipf(5))
    with pytest.raises(StoreError, match=r"index was made of other plurals, passages than are searched; remove"):
        InvertedIndex(folder, {**MADE_OF, "plurals": True, "passages": "q"})
    manifest = folder / "manifest.json"
    described = json.loads(manifest.read_text())
    for change, message in (
        ({"format_version": 9}, "format version 9; this glimmer reads 1"),
        ({"made_of": None}, "was made of other code, stopwords, plurals, passages"),
        ({"made_of": {**MADE_OF, "more": 1}}, "was made of other things"),
        ({"postings": "many"}, r"manifest\.json: expected a number as 'postings'"),
    ):
        manifest.write_text(json.dumps({**described, **change}))
        with pytest.raises(StoreError, match=message):
            InvertedIndex(folder, MADE_OF)
    manifest.unlink()
    with pytest.raises(DataError, match="expected the manifest of an inverted index"):
        InvertedIndex(folder, MADE_OF)


def test_memory_does_not_grow_with_the_passages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inversion, "RUN_TOKENS", 2000)
    monkeypatch.setattr(postings_file, "MERGED_POSTINGS", 1000)
    monkeypatch.setattr(postings_file, "READ_WORDS", 200)
    some = zipf(400)

    def peak(times: int) -> int:
        tracemalloc.start()
        write_inverted_index(tmp_path / str(times), MADE_OF, (words for _ in range(times) for words in some))
        largest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return largest

    assert peak(40) < 1.5 * peak(5)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("at", [3, 90])
def test_a_stopped_writer_leaves_nothing(tmp_path: Path, at: int) -> None:
    def stops() -> Any:
        yield from zipf(at)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_inverted_index(tmp_path / "index", MADE_OF, stops())
    assert list(tmp_path.iterdir()) == []


def retrieve(file: Path, cache: Path, **options: Any) -> Hits:
    retriever: Retriever = RETRIEVERS.build(
        RETRIEVERS.configure("bm25", **options), read_passages(file).passages, cache
    )
    return retriever.retrieve(["red fig"], 3)[0]


def test_a_kept_index_is_opened_without_a_look_at_the_passages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, cache = tmp_path / "passages.jsonl", tmp_path / "cache"
    texts = ["red plum", "fig", "blue"]
    write_passages(file, [Passage(f"p{row}", "", text) for row, text in enumerate(texts)])
    held = retrieve(file, tmp_path / "held")
    index_passages(file)
    assert retrieve(file, cache) == held
    monkeypatch.setattr(MappedPassages, "item", None)
    assert retrieve(file, cache) == held
    assert retrieve(file, cache, k1=0.5, b=0.1, method="atire") != held
    assert len(list(cache.iterdir())) == 1


def test_a_collection_that_changed_has_another_index(tmp_path: Path) -> None:
    file, cache = tmp_path / "passages.jsonl", tmp_path / "cache"
    for number, (texts, order) in enumerate([(["red plum", "fig"], [1, 0]), (["fig", "red plum"], [0, 1])], start=1):
        write_passages(file, [Passage(f"p{row}", "", text) for row, text in enumerate(texts)])
        index_passages(file)
        assert [row for row, _ in retrieve(file, cache)] == order
        assert len(list(cache.iterdir())) == number
