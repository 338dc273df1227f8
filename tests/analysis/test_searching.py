"""What is measured of searches is measured of a real index."""

from pathlib import Path

from glimmer.analysis.searching import PASSAGE_WORDS, measure_search, search_table
from glimmer.data.passages import read_passages
from glimmer.retrieval.bm25 import Bm25, Bm25Config


def test_a_synthetic_collection_is_indexed_and_of_the_size_asked_for(tmp_path: Path) -> None:
    growth = measure_search(tmp_path, 60, queries=2)
    collection = read_passages(tmp_path / "passages.jsonl")
    kept = list((tmp_path / "index").iterdir())
    index = Bm25(Bm25Config(name="bm25"), collection.passages, tmp_path / "index").index
    assert list((tmp_path / "index").iterdir()) == kept
    assert (growth.passages, index.passages, index.mean_length) == (60, 60, PASSAGE_WORDS)
    assert min(growth.build_s, growth.open_s, growth.query_s, growth.index_bytes) > 0
    assert search_table([growth]).splitlines()[2].startswith("| 60 ")
