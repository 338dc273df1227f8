"""BM25 by hand, in two steps, and from files."""

import errno
import importlib.util
import math
import stat
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from glimmer.data.values import Passage, Record
from glimmer.errors import ConfigError, DataError, RegistryError
from glimmer.retrieval import RETRIEVERS, Retriever, inversion, query_text
from glimmer.retrieval.bm25 import Bm25, Bm25Config, singular
from glimmer.retrieval.bm25_formula import VARIANTS
from glimmer.retrieval.candidate_file import keep_candidates, read_candidates
from glimmer.retrieval.two_step import TwoStep


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


@pytest.mark.parametrize("method", VARIANTS)
def test_passages_without_a_word_of_the_query_are_left_out(method: str) -> None:
    retriever = build("bm25", ["apple pear", "plum", "fig", "apple"], method=method)
    assert sorted(row for row, _ in retriever.retrieve(["apple"], 4)[0]) == [0, 3]


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
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o755 for path in tmp_path.iterdir())  # others may read it
    build("bm25", [*texts, "new"], cache=tmp_path).retrieve(["fig"], 1)
    build("bm25", texts, cache=tmp_path, plurals=True).retrieve(["fig"], 1)
    assert len(list(tmp_path.iterdir())) == 3


FINDER = """
from glimmer.retrieval.bm25 import Bm25

LEFT_OUT = {"apple"}

class Finder(Bm25):
    def _words(self, text):
        return [word for word in super()._words(text) if word not in LEFT_OUT]
"""


def load_finder(file: Path, code: str) -> type[Bm25]:
    """The retriever of a file as a new process finds it."""
    file.write_text(code)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[file.stem] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast(type[Bm25], module.Finder)


def test_code_beside_the_class_tells_candidates_and_index_from_earlier_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    marks, hits = [], []
    for code in (FINDER, FINDER, FINDER.replace("apple", "plum")):
        passages = [Passage("p", "", "apple plum"), Passage("q", "", "fig"), Passage("r", "", "fig")]
        finder = load_finder(tmp_path / "finder.py", code)(Bm25Config(name="finder"), passages, tmp_path / "index")
        marks.append(finder.fingerprint("qa-dev"))
        hits.append([row for row, _ in finder.retrieve(["apple fig"], 3)[0]])
    assert marks[0] == marks[1] != marks[2]
    assert hits == [[1, 2], [1, 2], [0, 1, 2]]
    assert len(list((tmp_path / "index").iterdir())) == 2


RETRIEVAL = ("base", "bm25", "bm25_formula", "inversion", "inverted_index", "postings_file", "two_step")


@pytest.mark.parametrize("module", ["data.text", *(f"retrieval.{name}" for name in RETRIEVAL)])
def test_every_module_that_decides_what_is_found_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    before = TwoStep.code()
    file = sys.modules[f"glimmer.{module}"].__file__
    assert file is not None
    (tmp_path / "changed.py").write_text(Path(file).read_text() + "\n# changed\n")
    monkeypatch.setattr(sys.modules[f"glimmer.{module}"], "__file__", str(tmp_path / "changed.py"))
    assert TwoStep.code() != before


def test_a_retriever_without_a_file_finds_but_cannot_be_kept() -> None:
    place: dict[str, Any] = {"__name__": "nowhere", "Bm25": Bm25}
    exec("class Finder(Bm25): pass", place)
    finder = place["Finder"](Bm25Config(name="finder"), [Passage("p", "", "fig")])
    assert finder.retrieve(["fig"], 1)[0]
    with pytest.raises(ConfigError, match="Finder is defined in nowhere, which has no file"):
        finder.fingerprint("qa-dev")


def test_an_index_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(inversion, "write_json", fail)
    with pytest.raises(DataError, match=r"index/bm25-\w+: cannot be written: No space left on device"):
        build("bm25", ["fig"], cache=tmp_path / "index").retrieve(["fig"], 1)
    assert list((tmp_path / "index").iterdir()) == []


def test_an_index_that_came_from_elsewhere_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = inversion.write_json

    def second(path: Path, manifest: Any) -> None:
        monkeypatch.undo()
        build("bm25", ["fig", "plum"], cache=tmp_path).retrieve(["fig"], 1)
        write(path, manifest)

    monkeypatch.setattr(inversion, "write_json", second)
    assert build("bm25", ["fig", "plum"], cache=tmp_path).retrieve(["fig"], 1)[0]
    assert len(list(tmp_path.iterdir())) == 1


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
    keep_candidates(tmp_path / "qa-dev.jsonl", records, passages, lambda _: [[(2, 1.5), (0, 0.5)], []])
    retriever = build("precomputed", ["text"] * 3, path=str(tmp_path / "{name}.jsonl"))
    assert list(retriever.retrieve_records(records[::-1], "qa-dev", 1)) == [[], [(2, 1.5)]]
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
