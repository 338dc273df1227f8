"""What the issue asks of the built-in corpus, checked on every record of a whole build."""

import json
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from glimmer.data import factbook
from glimmer.data.collection import Corpus, DataConfig
from glimmer.data.factbook.build import CODE
from glimmer.data.factbook.extract import any_item, keyed, person, shares, tidy
from glimmer.data.factbook.relations import RELATIONS
from glimmer.data.factbook.source import Field, clean
from glimmer.data.text import plain

PAIRS = [(task, split) for task in factbook.TASKS for split in factbook.SPLITS]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    directory = tmp_path_factory.mktemp("factbook")
    factbook.build(directory)
    return Corpus(DataConfig(dir=str(directory)))


def test_sizes(corpus: Corpus) -> None:
    sizes = {pair: len(corpus.records(*pair)) for pair in PAIRS}
    assert sum(sizes.values()) >= 18_000
    assert all(size >= 400 for size in sizes.values()), sizes
    assert len(corpus.passages()) > 5_000


def test_passages_have_40_to_100_clean_words(corpus: Corpus) -> None:
    for passage in corpus.passages():
        assert 40 <= len(passage.text.split()) <= 100, passage
        assert not re.search(r"</?[a-z]|&[a-z]+;", passage.text), passage
        assert passage.text == " ".join(passage.text.split())
        assert ": " in passage.title


@pytest.mark.parametrize(("task", "split"), PAIRS)
def test_answers_stand_in_gold_passages_of_the_split(corpus: Corpus, task: str, split: str) -> None:
    own = {passage.id for passage in corpus.passages(split)}
    for record in corpus.records(task, split):
        assert record.gold_ids <= own, record
        assert len(record.gold_ids) == (2 if task == "multi_hop" else 1)
        text = " ".join(plain(corpus.passage(p).text) for p in sorted(record.gold_ids))
        asked = plain(record.input)
        for answer in [] if task == "fact_verification" else record.answers:
            assert plain(answer) in text, record
            assert plain(answer) not in asked, record
            assert any(c.isalpha() for c in answer), record
            assert len(answer.split()) <= 8


def test_questions_name_their_country_and_are_unique(corpus: Corpus) -> None:
    for task, split in PAIRS:
        records = corpus.records(task, split)
        assert len({record.input for record in records}) == len(records)
        for record in records:
            named = record.meta["bridge_country" if task == "multi_hop" else "country"]
            assert plain(named) in plain(record.input), record
            assert "{" not in record.input
            assert (" [SEP] " in record.input) == (task == "slot_filling")


def test_countries_of_the_splits_do_not_meet(corpus: Corpus) -> None:
    countries = json.loads((corpus.directory / "manifest.json").read_text())["countries"]
    sets = {split: set(names) for split, names in countries.items()}
    assert len(set.union(*sets.values())) == sum(map(len, sets.values()))
    assert {split: len(names) for split, names in sets.items()} == {"train": 178, "dev": 26, "test": 52}
    for task, split in PAIRS:
        for record in corpus.records(task, split):
            assert record.meta["country"] in sets[split]
            assert record.meta.get("bridge_country", record.meta["country"]) in sets[split]


@pytest.mark.parametrize("split", factbook.SPLITS)
def test_claims_are_balanced_and_refuted_values_are_false(corpus: Corpus, split: str) -> None:
    records = corpus.records("fact_verification", split)
    assert len(set(Counter(record.answers[0] for record in records).values())) == 1
    labels: dict[str, Counter[str]] = {}
    for record in records:
        labels.setdefault(record.meta["relation"], Counter())[record.answers[0]] += 1
        (gold,) = record.gold_ids
        stands = plain(record.meta["value"]) in plain(corpus.passage(gold).text)
        assert stands == (record.answers == ("SUPPORTS",)), record
        assert record.evidence
        assert all(plain(span) in plain(corpus.passage(gold).text) for span in record.evidence), record
    # The relation must not give the label away.
    assert all(abs(c["SUPPORTS"] - c["REFUTES"]) <= max(4, 0.1 * c.total()) for c in labels.values())


def test_multi_hop_needs_the_second_passage(corpus: Corpus) -> None:
    for record in corpus.records("multi_hop", "train"):
        first, second = (p.passage_id for p in record.outputs[0].provenance)
        assert plain(record.meta["country"]) not in plain(record.input)
        assert not any(plain(answer) in plain(corpus.passage(first).text) for answer in record.answers)
        assert corpus.passage(second).title.startswith(record.meta["country"])
        assert record.meta["candidates"].startswith("two_step: BM25 about the places that the question names")


def test_builds_are_identical_to_the_byte(corpus: Corpus, tmp_path: Path) -> None:
    factbook.build(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert len(names) == 1 + len(PAIRS) + 1
    for name in names:
        assert (tmp_path / name).read_bytes() == (corpus.directory / name).read_bytes(), name
    assert factbook.is_built(tmp_path)
    (tmp_path / "open_qa-dev.jsonl").write_text("")
    assert not factbook.is_built(tmp_path)


@pytest.mark.parametrize("name", ["records.py", "relations/economy.py", "data/text.py"])
def test_a_corpus_that_other_code_built_is_built_again(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert factbook.is_built(corpus.directory)
    (file,) = (path for path in CODE if path.as_posix().endswith(name))
    (tmp_path / "changed.py").write_text(file.read_text() + "# changed\n")
    code = tuple(tmp_path / "changed.py" if path == file else path for path in CODE)
    monkeypatch.setattr(sys.modules[factbook.is_built.__module__], "CODE", code)
    assert not factbook.is_built(corpus.directory)


def test_every_relation_has_three_phrasings_and_is_used(corpus: Corpus) -> None:
    names = [relation.name for relation in RELATIONS]
    assert len(set(names)) == len(names) >= 100
    assert all(len(set(relation.questions)) >= 3 for relation in RELATIONS)
    assert {record.meta["relation"] for record in corpus.records("open_qa", "train")} == set(names)


def field(text: str, sub: str = "") -> Field:
    return Field("Section", "Field", sub, text)


def test_clean_strips_markup() -> None:
    assert clean("<p>a&nbsp; b<br><br><strong>note:</strong> C&ocirc;te</p>") == "a b; note: Côte"
    assert clean("Party A or PA <br>Party B or PB") == "Party A or PA; Party B or PB"
    assert clean("USA 11%, UAE 8%, S. Korea 6%") == "United States 11%, United Arab Emirates 8%, South Korea 6%"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Mata-Utu (on Ile Uvea)", "Mata-Utu"),
        ("12 km", ""),
        ("2,3% (2020 est.)", ""),
        ("none", ""),
        ("Washington, D.C.", "Washington, D.C."),
    ],
)
def test_tidy_keeps_names_and_drops_numbers(text: str, answer: str) -> None:
    assert tidy(text) == answer


def test_extractors_give_all_forms_and_drop_what_is_ambiguous() -> None:
    assert [v.answers for v in person(field("President Paul KAGAME (since 22 April 2000)"))] == [
        ("President Paul KAGAME", "Paul KAGAME")
    ]
    groups = list(shares(field("Hutu 85%, Tutsi 14%, Twa 1%, other 1%")))
    assert [(v.key, v.answers) for v in groups] == [("85%", ("Hutu",)), ("14%", ("Tutsi",))]
    assert [v.answers for v in any_item(field("gold, tin (ore), other"))] == [("gold", "tin")]
    borders = keyed(r"(?P<a>[A-Z]\D*) (?P<k>\d+ km)", r";")
    assert [(v.key, v.answers[0]) for v in borders(field("Chad 5 km; Niger 7 km"))] == [
        ("5 km", "Chad"),
        ("7 km", "Niger"),
    ]
