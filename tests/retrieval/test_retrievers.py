"""BM25 by hand, in two steps, and from files."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from glimmer.data.values import Passage, Record
from glimmer.errors import ConfigError, DataError, RegistryError
from glimmer.retrieval import RETRIEVERS, Hits, Retriever, query_text
from glimmer.retrieval.bm25 import Bm25, Bm25Config, singular
from glimmer.retrieval.precomputed import read_candidates, write_candidates


def build(
    name: str, texts: list[str], titles: list[str] | None = None, cache: Path | None = None, **options: Any
) -> Retriever:
    titles = titles or [""] * len(texts)
    passages = [Passage(f"p{i}", title, text) for i, (title, text) in enumerate(zip(titles, texts, strict=True))]
    return RETRIEVERS.build(RETRIEVERS.configure(name, **options), passages, cache)


def test_bm25_scores_are_the_formula() -> None:
    # Lucene's variant: idf = ln(1 + (N - n + .5) / (n + .5)); tf / (tf + k1 (1 - b + b l / mean l)); mean length 2.
    found = build("bm25", ["apple apple pear", "apple", "plum fig"]).retrieve(["apple"], 5)[0]
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    expected = {0: idf * 2 / (2 + 1.5 * (0.25 + 0.75 * 3 / 2)), 1: idf * 1 / (1 + 1.5 * (0.25 + 0.75 * 1 / 2))}
    assert dict(found) == pytest.approx(expected, rel=1e-5)
    assert [row for row, _ in found] == sorted(expected, key=lambda row: -expected[row])


def test_ties_keep_the_order_of_the_passages() -> None:
    retriever = build("bm25", ["fig plum", "other word", *["plum fig"] * 40])
    assert [row for row, _ in retriever.retrieve(["fig"], 5)[0]] == [0, 2, 3, 4, 5]


def test_titles_accents_case_and_stop_words() -> None:
    retriever = build("bm25", ["the text", "the words"], ["Côte d'Ivoire", "Chad"])
    assert [row for row, _ in retriever.retrieve(["what is COTE"], 5)[0]] == [0]
    assert retriever.retrieve(["what is the", "", "unknown"], 5) == [[], [], []]
    assert len(build("bm25", ["the text", "the words"], stopwords="none").retrieve(["the"], 5)[0]) == 2


def test_plurals_are_an_option() -> None:
    assert [singular(w) for w in ("countries", "boundaries", "exports", "class", "census", "horses")] == [
        "country", "boundary", "export", "class", "census", "horse",
    ]  # fmt: skip
    texts = ["land boundaries", "sea"]
    assert build("bm25", texts).retrieve(["boundary"], 1) == [[]]
    assert [row for row, _ in build("bm25", texts, plurals=True).retrieve(["boundary"], 1)[0]] == [0]


def test_the_kept_index_gives_the_same_hits(tmp_path: Path) -> None:
    texts = ["apple pear", "pear plum", "fig"]
    fresh = build("bm25", texts).retrieve(["pear fig"], 3)
    assert build("bm25", texts, cache=tmp_path).retrieve(["pear fig"], 3) == fresh
    assert build("bm25", texts, cache=tmp_path).retrieve(["pear fig"], 3) == fresh
    assert len(list(tmp_path.iterdir())) == 1
    build("bm25", [*texts, "new"], cache=tmp_path)
    build("bm25", texts, cache=tmp_path, b=0.5)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_retriever_with_other_code_is_another() -> None:
    class First(Bm25):
        """Takes the first passages."""

        def retrieve(self, queries: Sequence[str], k: int) -> list[Hits]:
            return [[(row, 1.0) for row in range(k)] for _ in queries]

    class Last(Bm25):
        """Takes the last passages."""

        def retrieve(self, queries: Sequence[str], k: int) -> list[Hits]:
            return [[(len(self.passages) - row - 1, 1.0) for row in range(k)] for _ in queries]

    config = Bm25Config(name="bm25")
    marks = {kind(config, [Passage("p", "", "text")]).fingerprint("qa-dev") for kind in (Bm25, First, Last)}
    assert len(marks) == 3


def test_two_steps_reach_what_the_question_does_not_name() -> None:
    titles = ["Chad: Geography", "Niger: Government", "Mali: Government", "Chad: Government", "Peru: Economy"]
    texts = [
        "Border countries: Niger 778 km; Mali 12 km.",
        "Capital: Niamey. Parliament.",
        "Capital: Bamako. Parliament.",
        "Capital: N'Djamena. Parliament.",
        "Fish and copper.",
    ]
    query = "What is the capital of the country with a border of 778 km with Chad?"
    one = [row for row, _ in build("bm25", texts, titles).retrieve([query], 5)[0]]
    two = build("two_step", texts, titles, names=1).retrieve([query], 3)[0]
    assert one.index(1) > 1
    assert [row for row, _ in two] == [0, 1, 3]  # first step, the place followed, first step
    assert [score for _, score in two] == [1, 1 / 2, 1 / 3]


def test_each_step_searches_passages_about_its_subject() -> None:
    titles = ["Peru: Trade", "Chad: Trade", "Niger: Money", "Mali: Money", "Mali: Trade"]
    texts = [
        "Main export partner of 9%: Mali. Export partner of Chad: Mali.",
        "Export partners: Niger 9%.",
        "Coins are called francs.",
        "The currency of Niger, in which its export partner pays, is the franc.",
        "The currency of Niger.",
    ]
    query = "What are the coins of the main export partner of 9% of Chad called? The currency?"
    assert build("bm25", texts, titles).retrieve([query], 5)[0][0][0] == 0
    two = build("two_step", texts, titles, names=1).retrieve([query], 2)[0]
    assert [row for row, _ in two] == [1, 2]  # Chad's passage, not Peru's; what is about Niger, not what names it


def test_two_steps_without_a_name_to_follow_are_one() -> None:
    texts = ["apple pear", "pear", "plum"]
    one, two = (build(name, texts, ["A: x", "B: y", "C: z"]).retrieve(["pear"], 3)[0] for name in ("bm25", "two_step"))
    assert [row for row, _ in one] == [row for row, _ in two]


def test_slot_filling_is_searched_without_its_separator() -> None:
    assert query_text("Chad [SEP] capital").split() == ["Chad", "capital"]


def test_precomputed_candidates(tmp_path: Path) -> None:
    passages = [Passage(f"p{i}", "", "text") for i in range(3)]
    records = [Record("a", "x", ()), Record("b", "y", ())]
    write_candidates(tmp_path / "qa-dev.jsonl", records, [[(2, 1.5), (0, 0.5)], []], passages)
    retriever = build("precomputed", ["text"] * 3, path=str(tmp_path / "{name}.jsonl"))
    assert retriever.retrieve_records(records[::-1], "qa-dev", 1) == [[], [(2, 1.5)]]
    with pytest.raises(DataError, match="no candidates for the question 'c'"):
        retriever.retrieve_records([Record("c", "z", ())], "qa-dev", 1)
    with pytest.raises(ConfigError, match="no candidates for new questions"):
        retriever.retrieve(["x"], 1)
    with pytest.raises(DataError, match="qa-test"):
        retriever.fingerprint("qa-test")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"id": "a"}', "expected the candidates of a question"),
        ('{"id": "a", "candidates": [{"passage_id": "x", "score": 1}]}', "'x' is not in the passage collection"),
        ('{"id": "a", "candidates": [{"passage_id": "p", "score": "1"}]}', "must be a finite number"),
        ('{"id": "a", "candidates": ["p"]}', "a candidate must be"),
        ('{"id": "z", "candidates": []}', "duplicate id 'z'"),
    ],
)
def test_broken_candidates_name_the_line(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text('{"id": "z", "candidates": []}\n' + line + "\n")
    with pytest.raises(DataError) as caught:
        read_candidates(path, {"p": 0})
    assert str(caught.value).startswith(f"{path}:2: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("options", "key"),
    [({"k1": -1.0}, "k1"), ({"b": 2.0}, "b"), ({"method": "lucent"}, "lucene"), ({"stopwords": "de"}, "en")],
)
def test_impossible_options_name_the_key(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        RETRIEVERS.configure("bm25", **options)


def test_unknown_retriever_suggests_the_nearest() -> None:
    with pytest.raises(RegistryError, match="did you mean 'bm25'"):
        RETRIEVERS.configure("bm52")
