"""The cloze drill: what is asked, what is left out, and who may stand beside the gold passage."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from glimmer.data.text import plain
from glimmer.data.values import Candidate, Example, Passage, Record
from glimmer.tasks import TASKS
from glimmer.tasks.base import Task

TEXTS = {
    "Jena": "The town lies on the river Saale and has 111,000 people. It was first named in 1182 by monks from Fulda.",
    "Rhone": "Of its many lakes the river passes Lake Geneva alone, then it turns to the Mediterranean Sea.",
    "Short": "Too Short. In Two.",
    "Plain": "nothing in here begins with a large letter, nor is there any number to be asked for at all",
}
PASSAGES = [Passage(f"{title}-{i}", title, text) for title, text in TEXTS.items() for i in range(2)]


class Data:
    """A collection without questions."""

    def records(self, task: str, split: str) -> Sequence[Record]:
        raise AssertionError

    def file(self, task: str, split: str) -> Path:
        raise AssertionError

    def candidates(self, task: str, split: str) -> Sequence[tuple[Candidate, ...]]:
        raise AssertionError

    def passages(self, split: str | None = None) -> Sequence[Passage]:
        assert split == "train"
        return PASSAGES


def cloze(**options: object) -> Task:
    return TASKS.build(TASKS.configure("cloze", **options), "cloze", Data())


def examples(it: Task) -> list[Example]:
    return [it.example("train", row, random.Random(f"{row} {s}")) for row in range(it.size("train")) for s in range(20)]


def test_names_and_numbers_of_full_sentences_are_asked_for() -> None:
    it = cloze()
    assert it.size("train") == 4, "the two of Short and of Plain have nothing to ask for"
    assert it.size("dev") == 0
    found = {made.target for made in examples(it)}
    assert found == {"Saale", "111,000", "1182", "Fulda", "Lake Geneva", "Mediterranean Sea"}


def test_the_question_is_the_sentence_with_a_gap_and_without_some_words() -> None:
    whole = {made.prompt for made in examples(cloze(dropped=0.0, mark="___"))}
    assert "The town lies on the river ___ and has 111,000 people." in whole
    assert all("___" in prompt for prompt in whole)
    thin = examples(cloze(dropped=0.3, mark="___"))
    words = sum(len(made.prompt.split()) - 1 for made in thin)
    assert words < 0.8 * sum(len(prompt.split()) - 1 for prompt in whole) / len(whole) * len(thin)
    for made in thin:
        assert plain(made.target) not in plain(made.prompt)
        assert plain(made.target) in plain(made.candidates[0].passage.text)


@pytest.mark.parametrize("distractors", [0, 2, 3])
def test_gold_comes_first_and_no_other_candidate_gives_the_answer(distractors: int) -> None:
    for made in examples(cloze(distractors=distractors)):
        gold, *others = made.candidates
        assert gold.gold
        assert len(others) <= distractors
        assert len({c.passage.id for c in made.candidates}) == len(made.candidates)
        assert all(not c.gold and plain(made.target) not in plain(c.passage.text) for c in others)
        assert all(c.passage in PASSAGES for c in made.candidates), "a memory store serves it"


def test_it_is_a_function_of_the_generator() -> None:
    first, again = examples(cloze()), examples(cloze())
    assert first == again
    assert len({made.prompt for made in first}) > 10
