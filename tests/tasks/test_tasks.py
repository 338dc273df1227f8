"""Tasks: prompts, targets, and what every drill's gold passage says."""

import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from glimmer.data.collate import Collator, CollatorConfig
from glimmer.data.text import plain
from glimmer.data.tokenizers import TOKENIZERS, train_tokenizer
from glimmer.data.values import Candidate, Example, Output, Passage, Provenance, Record
from glimmer.errors import ConfigError, DataError
from glimmer.tasks import TASKS
from glimmer.tasks.base import Task
from glimmer.tasks.denoising import Denoising, corrupt
from glimmer.tasks.fields import FieldTable, subject, value

COUNTRIES = ("Aruba", "Belize", "Chad", "Dominica", "Egypt", "Fiji")
CAPITALS = ("Oranjestad", "Belmopan", "N'Djamena", "Roseau", "Cairo", "Suva")
TRAIN = [
    item
    for code, (country, capital) in enumerate(zip(COUNTRIES, CAPITALS, strict=True))
    for item in (
        Passage(
            f"{code}-0", f"{country}: Government", f"Capital: {capital}. Head of state: Chief No{code}. Motto: {code}."
        ),
        Passage(
            f"{code}-1",
            f"{country}: Geography",
            f"Climate: kind {code}, hot (2023 est.). Lowest point: Sea of {country}.",
        ),
    )
]
DRILLS = ("copying", "field_reading", "claim_reading", "invented_names", "denoising", "substitution")


class FakeData:
    """Three questions over six countries, retrieved in the collection's order."""

    def __init__(self, records: Sequence[Record] | None = None) -> None:
        self._records = records or [
            Record(
                f"q{i}",
                f"What is the capital of {COUNTRIES[i]}?",
                (
                    Output(CAPITALS[i], (Provenance(f"{i}-0"),)),
                    Output(f"city of {CAPITALS[i]}", (Provenance(f"{i}-0"),)),
                ),
                {"relation": "capital"},
            )
            for i in range(3)
        ]

    def records(self, task: str, split: str) -> Sequence[Record]:
        assert (task, split) in {("open_qa", "train"), ("open_qa", "test"), ("slots", "train")}
        return self._records

    def file(self, task: str, split: str) -> Path:
        return Path(f"{task}-{split}.jsonl")

    def candidates(self, task: str, split: str) -> Sequence[tuple[Candidate, ...]]:
        return [tuple(Candidate(p, -float(i), p.id in r.gold_ids) for i, p in enumerate(TRAIN)) for r in self._records]

    def passages(self, split: str | None = None) -> Sequence[Passage]:
        assert split == "train", "drills may see nothing but the training split"
        return TRAIN


def task(name: str, data: Any = None, key: str | None = None, **options: Any) -> Task:
    return TASKS.build(TASKS.configure(name, **options), key or name, data or FakeData())


def examples(it: Task, seeds: int = 5) -> list[Example]:
    rows = range(min(it.size("train"), 60))
    return [it.example("train", row, random.Random(f"{row} {seed}")) for row in rows for seed in range(seeds)]


def gold(example: Example) -> Passage:
    found = [c.passage for c in example.candidates if c.gold]
    assert len(found) == 1
    return found[0]


def test_a_supervised_example_has_the_records_answers_and_candidates() -> None:
    it = task("open_qa")
    made = it.example("train", 1, random.Random(0))
    assert it.size("train") == 3
    assert made.prompt == "question: What is the capital of Belize?"
    assert made.answers == ("Belmopan", "city of Belmopan")
    assert [c.passage.id for c in made.candidates if c.gold] == ["1-0"]
    assert made.record is not None
    assert {it.example("train", 1, random.Random(s)).target for s in range(20)} == {"Belmopan"}
    drawn = task("open_qa", target="any")
    assert {drawn.example("train", 1, random.Random(s)).target for s in range(20)} == set(made.answers)


def test_limit_stem_and_metrics_are_options() -> None:
    it = TASKS.build(TASKS.configure("open_qa", data="slots", limit=2, metrics=["f1"]), "mine", FakeData())
    assert it.size("train") == 2
    assert it.metrics == ("f1",)
    assert it.example("train", 0, random.Random(0)).task == "mine"


def test_a_record_without_answers_has_an_empty_target_and_trains_nothing() -> None:
    it = task("open_qa", FakeData([Record("p", "Who?", (Output("I"),)), Record("q", "Who?", (Output(" "),), line=2)]))
    made = it.example("test", 1, random.Random(0))
    assert (made.target, made.answers) == ("", ())
    with pytest.raises(DataError, match=r"^open_qa-train\.jsonl:2: record 'q' has no answer to learn; expected"):
        it.size("train")


@pytest.mark.parametrize(
    ("name", "question", "prompt"),
    [
        ("open_qa", "Who?", "question: Who?"),
        ("multi_hop", "Who?", "multi-hop question: Who?"),
        ("fact_verification", "It is.", "claim: It is."),
        ("slot_filling", "Chad [SEP] capital", "slot: Chad relation: capital"),
        ("entity_linking", "In [START_ENT] N'Djamena [END_ENT] now", "entity: In [START_ENT] N'Djamena [END_ENT] now"),
        ("dialogue", "I like  rain.\nWhy?\n\nIt is wet.\n", "dialogue: I like rain. | Why? | It is wet."),
    ],
)
def test_prompts(name: str, question: str, prompt: str) -> None:
    it = TASKS.build(TASKS.configure(name, data="open_qa"), name, FakeData([Record("q", question, ())]))
    assert it.example("test", 0, random.Random(0)).prompt == prompt


def test_a_prompt_is_an_option_with_the_tasks_own_fields() -> None:
    def prompt(name: str, text: str, template: str) -> str:
        data = FakeData([Record("q", text, ())])
        it = TASKS.build(TASKS.configure(name, data="open_qa", prompt=template), "mine", data)
        return it.example("test", 0, random.Random(0)).prompt

    assert prompt("open_qa", "Who {is} it?", "{input}") == "Who {is} it?"
    assert prompt("slot_filling", "Chad [SEP] capital", "The {relation} of {subject}?") == "The capital of Chad?"
    for template in ("What?", "{subject}", "{input} {relation}"):
        with pytest.raises(ConfigError, match=r"tasks\.mine\.prompt must hold \{input\} and no others, found"):
            prompt("open_qa", "Who?", template)
    with pytest.raises(ConfigError, match=r"tasks\.mine\.prompt: .* in '\{input'"):
        prompt("open_qa", "Who?", "{input")


def test_of_a_long_text_the_words_near_the_mention_and_the_last_of_a_conversation_are_kept() -> None:
    def prompt(name: str, text: str, **options: Any) -> str:
        data = FakeData([Record("q", text, ())])
        it = TASKS.build(TASKS.configure(name, data="open_qa", **options), name, data)
        return it.example("test", 0, random.Random(0)).prompt

    text = f"{'far ' * 50}one two [START_ENT] a b [END_ENT]three four {'far ' * 50}"
    assert prompt("entity_linking", text, words=2) == "entity: one two [START_ENT] a b [END_ENT] three four"
    assert prompt("entity_linking", text, words=0) == "entity: [START_ENT] a b [END_ENT]"
    assert prompt("dialogue", "one two\nthree", words=3) == "dialogue: two | three"
    assert prompt("dialogue", "one two\nthree", words=None) == "dialogue: one two | three"


@pytest.mark.parametrize("question", ["Chad", "[START_ENT] Chad", "[START_ENT] [END_ENT]", "[END_ENT] x [START_ENT]"])
def test_a_text_without_a_mention_is_named(question: str) -> None:
    data = FakeData([Record("q", question, (Output("Chad"),))])
    it = TASKS.build(TASKS.configure("entity_linking", data="open_qa"), "aida", data)
    with pytest.raises(DataError, match=r"record 'q': task aida: expected a text with '\[START_ENT\] mention"):
        it.size("train")


@pytest.mark.parametrize("question", ["Chad capital", "[SEP] capital", "Chad [SEP] "])
@pytest.mark.parametrize("name", ["slot_filling", "substitution"])
def test_a_slot_without_relation_is_found_when_the_records_are_counted(name: str, question: str) -> None:
    answer = (Output("Cairo", (Provenance("4-0"),)),)
    data = FakeData([Record("p", "Egypt [SEP] capital", answer), Record("q", question, answer, line=2)])
    options = {"task": "slot_filling"} if name == "substitution" else {}
    it = TASKS.build(TASKS.configure(name, data="open_qa", **options), "s", data)
    with pytest.raises(
        DataError, match=r"^open_qa-train\.jsonl:2: record 'q': task s: expected 'subject \[SEP\] relat"
    ):
        it.size("train")


def test_a_decoded_label_becomes_kilts() -> None:
    assert task("fact_verification").answer(" supports ") == "SUPPORTS"
    assert task("open_qa").answer("Paris") == "Paris"


@pytest.mark.parametrize("name", DRILLS)
def test_drills_are_deterministic_vary_with_the_generator_and_have_no_evaluation_data(name: str) -> None:
    it, again = task(name), task(name)
    assert not it.supervised
    assert it.size("dev") == 0
    assert it.size("train") > 0
    draws = [it.example("train", 0, random.Random(seed)) for seed in range(20)]
    assert draws == [again.example("train", 0, random.Random(seed)) for seed in range(20)]
    assert len({(e.prompt, e.target, e.candidates) for e in draws}) > 5


@pytest.mark.parametrize("name", ["copying", "field_reading", "claim_reading", "invented_names"])
def test_the_gold_passage_comes_first_among_as_many_as_asked(name: str) -> None:
    it = task(name, distractors=4)
    for made in examples(it):
        assert made.candidates[0].gold
        assert gold(made) == made.candidates[0].passage
        assert 2 <= len(made.candidates) <= 5
        assert len({c.passage.id for c in made.candidates}) == len(made.candidates)
        assert len({c.score for c in made.candidates}) == 1
    assert all(len(e.candidates) == 1 for e in examples(task(name, distractors=0), 1))


@pytest.mark.parametrize("name", ["copying", "field_reading", "invented_names", "substitution"])
def test_the_gold_passage_holds_the_target(name: str) -> None:
    for made in examples(task(name)):
        assert plain(made.target) in plain(gold(made).text)


def test_copying_asks_for_a_marker_of_one_candidate_alone() -> None:
    for made in examples(task("copying", limit=40)):
        marker = made.prompt.removeprefix("copy: ")
        assert f"{marker}: {made.target}." in gold(made).text
        assert all(f"{marker}: " not in c.passage.text for c in made.candidates[1:])


def test_field_distractors_share_the_subject_or_the_label_never_both() -> None:
    table = FieldTable(TRAIN)
    for field in table.fields:
        rows = table.distractors(field, 4, random.Random(0))
        kinds = {(table.subjects[r] == table.subjects[field.row], field.label in table.labels[r]) for r in rows}
        assert (True, True) not in kinds
        assert {(True, False), (False, True)} <= kinds


def test_fields_are_found_with_their_values() -> None:
    table = FieldTable([Passage("p", "Chad: Land", 'Area - total: 5 km. Note: is "big." Land: 3; note: x. Land: 4.')])
    assert [(f.label, f.value) for f in table.fields] == [("Area - total", "5 km"), ("Note", 'is "big."'.rstrip("."))]
    assert value("one two; " + "word " * 20) == "one two"
    assert value("word " * 20) == ""
    assert subject(Passage("p", "Barack Obama", "x")) == "Barack Obama"
    assert FieldTable([Passage("p", "t", "no label at all")]).fields == []


def test_field_questions_name_subject_and_label_and_continuations_go_on() -> None:
    for made in examples(task("field_reading", continuations=0.0)):
        about = subject(gold(made))
        assert about in made.prompt
        assert made.target in gold(made).text
    data = [e for e in examples(task("field_reading", continuations=1.0)) if e.prompt.startswith("continue: ")]
    assert data
    for made in data:
        last = made.prompt.split()[-2:]
        assert plain(" ".join([*last, made.target])) in plain(gold(made).text)


def test_claims_are_true_exactly_when_the_passage_gives_the_value() -> None:
    made = examples(task("claim_reading"), 20)
    labels = Counter(e.target for e in made)
    assert set(labels) == {"SUPPORTS", "REFUTES"}
    assert 0.4 < labels["SUPPORTS"] / len(made) < 0.6
    table = FieldTable(TRAIN)
    for example in made:
        own = [f for f in table.fields if TRAIN[f.row] == gold(example)]
        holds = any(
            plain(f.label.replace(" - ", " ")) in plain(example.prompt) and plain(f.value) in plain(example.prompt)
            for f in own
        )
        assert holds == (example.target == "SUPPORTS"), example.prompt


def test_invented_names_are_unambiguous() -> None:
    for made in examples(task("invented_names", limit=60)):
        assert made.target not in made.prompt
        other = [c.passage for c in made.candidates[1:] if subject(c.passage) == subject(gold(made))]
        assert other
        assert all(plain(made.target) not in plain(p.text) for p in other)


def test_substitution_replaces_the_answer_everywhere_under_an_id_of_its_own() -> None:
    it = task("substitution")
    assert it.size("train") == 3
    seen = set()
    for seed in range(20):
        made = it.example("train", 0, random.Random(seed))
        passage = gold(made)
        assert passage.id == "0-0#substitution"
        assert passage.text == f"Capital: {made.target}. Head of state: Chief No0. Motto: 0."
        assert made.answers == (made.target,)
        assert "Oranjestad" not in " ".join(c.passage.text for c in made.candidates)
        seen.add(made.target)
    assert seen & set(CAPITALS)
    assert seen - set(CAPITALS)


def test_the_substituted_answer_is_the_evidence() -> None:
    shown = Provenance("0-0", evidence=("Capital: Oranjestad",))
    it = task("substitution", FakeData([Record("q", "What is the capital?", (Output("Oranjestad", (shown,)),))]))
    tokenizer = train_tokenizer(TOKENIZERS.configure("bpe", vocabulary=400), [p.text for p in TRAIN] * 5)
    for seed in range(10):
        made = it.example("train", 0, random.Random(seed))
        batch = Collator(CollatorConfig(), tokenizer)([made], training=True)
        (question, candidate, token), *_ = batch.evidence.tolist()
        row = batch.passages.ids[batch.index[question, candidate]][token:].tolist()
        assert tokenizer.decode(row).lower().startswith(plain(made.target).strip())


@pytest.mark.parametrize("name", DRILLS)
def test_a_task_says_whether_its_passages_are_others_than_the_collections(name: str) -> None:
    it = task(name)
    made = {candidate.passage for example in examples(it) for candidate in example.candidates}
    assert it.alters_passages == (not made <= set(TRAIN))


@pytest.mark.parametrize("name", DRILLS)
def test_a_tokenizer_needs_the_sentinels_that_a_tasks_texts_hold(name: str) -> None:
    long = [Passage("p", "Long", "word " * 400)]
    it = task(name, **({"noise": 0.5, "span": 1.0, "words": 400} if name == "denoising" else {}))
    if isinstance(it, Denoising):
        it.passages = long
    texts = [text for e in examples(it) for text in (e.prompt, e.target, *(c.passage.text for c in e.candidates))]
    assert it.sentinels == max(
        (int(number) + 1 for text in texts for number in re.findall(r"<extra_id_(\d+)>", text)), default=0
    )


def test_substitution_keeps_the_retrieved_place_or_comes_first() -> None:
    made = task("substitution").example("train", 1, random.Random(0))
    assert [i for i, c in enumerate(made.candidates) if c.gold] == [2]

    class Missed(FakeData):
        def candidates(self, task: str, split: str) -> Sequence[tuple[Candidate, ...]]:
            return [tuple(c for c in row if not c.gold) for row in super().candidates(task, split)]

    made = task("substitution", Missed()).example("train", 1, random.Random(0))
    assert [i for i, c in enumerate(made.candidates) if c.gold] == [0]


def test_substitution_leaves_out_answers_that_the_question_or_no_passage_tells() -> None:
    told = Record("a", "Is Cairo Cairo?", (Output("Cairo", (Provenance("4-0"),)),))
    absent = Record("b", "Where?", (Output("Paris", (Provenance("4-0"),)),))
    assert task("substitution", FakeData([told, absent])).size("train") == 0


def test_corrupt_divides_a_text_between_prompt_and_target() -> None:
    text, target = corrupt(["a", "b", "c", "d", "e", "f", "g"], [2, 1], [1, 2])
    assert text == "a b <extra_id_0> d <extra_id_1> g"
    assert target == "<extra_id_0> c <extra_id_1> e f <extra_id_2>"


def test_denoising_can_be_undone_and_drops_the_share_asked_for() -> None:
    for made in examples(task("denoising", noise=0.3)):
        source = next(p for p in TRAIN if gold(made).id == f"{p.id}#denoising")
        spans = dict(re.findall(r"(<extra_id_\d+>) ([^<]*?) ?(?=<)", made.target))
        text = gold(made).text
        for sentinel, words in spans.items():
            text = text.replace(sentinel, words)
        assert text == source.text
        dropped = sum(len(words.split()) for words in spans.values())
        assert dropped == round(0.3 * len(source.text.split()))
        assert made.prompt == "denoise:"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("open_qa", {"limit": 0}, "limit must be at least 1, or null, found 0"),
        ("open_qa", {"target": "best"}, "target has no choice 'best'; Known: any, first"),
        ("open_qa", {"metrics": []}, "metrics must be"),
        ("denoising", {"noise": 1.5}, "noise must be above 0 and below 1"),
        ("copying", {"limit": None}, "limit must be a number"),
        ("field_reading", {"distractors": -1}, "distractors must be at least 0"),
        ("substitution", {"invented": 2.0}, "invented must be from 0 to 1"),
    ],
)
def test_options_that_cannot_work_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TASKS.configure(name, **options)


def test_a_set_of_kilt_takes_no_files_of_a_set_of_another_task() -> None:
    with pytest.raises(ConfigError) as caught:
        TASKS.build(TASKS.configure("open_qa", data="fever"), "nq", FakeData())
    assert str(caught.value) == (
        "tasks.nq.data is 'fever', which is FEVER, a set of fact_verification; Natural Questions is 'nq'"
    )
    assert TASKS.build(TASKS.configure("entity_linking", data="wned"), "aida", FakeData()).key == "aida"


def test_substitution_wants_a_task_over_records() -> None:
    with pytest.raises(ConfigError, match="must be one over records, found 'denoising'"):
        TASKS.build(TASKS.configure("substitution", task="denoising"), "s", FakeData())
