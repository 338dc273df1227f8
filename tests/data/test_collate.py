"""Collation: what a batch holds, which candidates it has, and the window round an answer."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from glimmer.data.collate import Collator, CollatorConfig
from glimmer.data.spans import Span
from glimmer.data.tokenizers import TOKENIZERS, Frame, Tokenizer, train_tokenizer
from glimmer.data.tokenizers.bpe import BpeTokenizer
from glimmer.data.values import Candidate, Example, Output, Passage, Provenance, Record, Tokens
from glimmer.errors import ConfigError

TEXT = "zero one two three four five six seven eight nine ten paris rome oslo capital river title context"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TOKENIZERS.configure("bpe", vocabulary=400), [TEXT] * 20)


def passage(name: str, text: str = "one two three") -> Passage:
    return Passage(name, f"title {name}", text)


def example(
    *passages: Passage, gold: tuple[str, ...] = (), target: str = "paris", record: Record | None = None
) -> Example:
    candidates = tuple(Candidate(p, 10.0 - i, p.id in gold) for i, p in enumerate(passages))
    return Example("q", "open_qa", "capital one", target, (target,), candidates, record)


def record(*evidence: tuple[str, ...], answers: tuple[str, ...] = ("paris", "rome")) -> Record:
    outputs = tuple(
        Output(answer, tuple(Provenance(name) for name in names))
        for answer, names in zip(answers, evidence, strict=False)
    )
    return Record("q", "capital one", outputs)


def collator(tokenizer: Tokenizer, find: Any = None, **options: Any) -> Collator:
    return Collator(CollatorConfig(**options), tokenizer, find)


def chosen(batch: Any, row: int = 0) -> list[str]:
    return [batch.passage_ids[i] for i in batch.index[row].tolist() if i >= 0]


A, B, C, D = (passage(name) for name in "abcd")


def test_every_distinct_passage_is_there_once(tokenizer: Tokenizer) -> None:
    batch = collator(tokenizer)([example(A, B, A), example(B, C, gold=("c",))])
    assert batch.passage_ids == ("a", "b", "c")
    assert batch.index.tolist() == [[0, 1], [1, 2]]
    assert batch.gold.tolist() == [[False, False], [False, True]]
    assert batch.retrieval_scores.tolist() == [[10.0, 9.0], [10.0, 9.0]]


def test_fewer_and_no_candidates_are_padded_at_the_end(tokenizer: Tokenizer) -> None:
    batch = collator(tokenizer)([example(A, B), example(), example(C)])
    assert batch.index.tolist() == [[0, 1], [-1, -1], [2, -1]]
    assert batch.retrieval_scores[1].tolist() == [float("-inf")] * 2
    assert batch.present.tolist() == [[True, True], [False, False], [True, False]]
    empty = collator(tokenizer)([example(), example()])
    assert empty.index.tolist() == [[-1], [-1]]
    assert empty.gold.shape == empty.retrieval_scores.shape == (2, 1)


def test_questions_have_no_end_and_passages_and_targets_do(tokenizer: Tokenizer) -> None:
    batch = collator(tokenizer)([example(A)])
    question = batch.questions.ids[0][batch.questions.mask[0]].tolist()
    assert question == tokenizer.encode("capital one")
    row = batch.passages.ids[0][batch.passages.mask[0]].tolist()
    assert row == [*tokenizer.encode("title: title a context: one two three"), 1]
    assert batch.targets.ids[0].tolist() == [*tokenizer.encode("paris"), 1]


def test_everything_too_long_is_cut_and_keeps_its_end_of_sequence(tokenizer: Tokenizer) -> None:
    long = "one two three four five six seven eight nine ten " * 4
    it = Example("q", "t", long, long, (long,), (Candidate(passage("a", long), 0.0, False),))
    batch = collator(tokenizer, question_tokens=5, passage_tokens=12, target_tokens=4)([it])
    assert batch.questions.ids.tolist() == [tokenizer.encode(long)[:5]]
    assert batch.passages.ids.shape == (1, 12)
    assert batch.passages.ids[0, -1] == 1
    prefix = tokenizer.encode("title: title a context:")
    assert batch.passages.ids[0, : len(prefix)].tolist() == prefix
    assert batch.targets.ids.tolist() == [[*tokenizer.encode(long)[:3], 1]]


def test_an_altered_passage_with_the_same_id_is_not_taken_for_the_other(tokenizer: Tokenizer) -> None:
    altered = passage("a", "nine ten")
    collate = collator(tokenizer)
    first, second = collate([example(A)]), collate([example(altered)])
    assert first.passages.ids.tolist() != second.passages.ids.tolist()
    both = collate([example(A), example(altered)])
    assert both.index.tolist() == [[0], [1]]


def test_the_number_of_passages_at_call_time_wins(tokenizer: Tokenizer) -> None:
    collate = collator(tokenizer, passages=2)
    assert chosen(collate([example(A, B, C)])) == ["a", "b"]
    assert chosen(collate([example(A, B, C)], 3)) == ["a", "b", "c"]


def test_ensure_gold_replaces_the_last_in_training_only(tokenizer: Tokenizer) -> None:
    collate = collator(tokenizer, passages=2, ensure_gold=True)
    it = [example(A, B, C, D, gold=("d",))]
    assert chosen(collate(it, training=True)) == ["a", "d"]
    assert chosen(collate(it, 1, training=True)) == ["d"]
    assert chosen(collate(it, training=False)) == ["a", "b"]


def test_a_gold_passage_that_was_not_retrieved_is_found_and_scores_lowest(tokenizer: Tokenizer) -> None:
    it = [example(A, B, record=record(("d",)))]
    batch = collator(tokenizer, lambda gold: {"d": D}[gold.passage_id], ensure_gold=True, passages=2)(it, training=True)
    assert chosen(batch) == ["a", "d"]
    assert batch.gold.tolist() == [[False, True]]
    assert batch.retrieval_scores.tolist() == [[10.0, 9.0]]
    nowhere = collator(tokenizer, ensure_gold=True, passages=2)(it, training=True)
    assert chosen(nowhere) == ["a", "b"]


def test_without_a_limit_every_gold_passage_is_there(tokenizer: Tokenizer) -> None:
    it = [example(A, record=record(("c", "d"))), example(record=record(("c",)))]
    collate = collator(tokenizer, lambda gold: {"c": C, "d": D}[gold.passage_id], ensure_gold=True)
    assert [chosen(collate(it, training=True), row) for row in (0, 1)] == [["a", "c", "d"], ["c"]]


def test_all_gold_passages_of_a_two_hop_answer_are_ensured_the_one_with_the_answer_first(tokenizer: Tokenizer) -> None:
    second = passage("s", "paris one")
    it = [example(A, B, C, second, gold=("c", "s"), record=record(("c", "s")))]
    collate = collator(tokenizer, ensure_gold=True)
    assert chosen(collate(it, 1, training=True)) == ["s"]
    assert chosen(collate(it, 2, training=True)) == ["c", "s"]
    assert chosen(collate(it, 3, training=True)) == ["a", "c", "s"]


def test_the_evidence_of_any_answer_is_enough(tokenizer: Tokenizer) -> None:
    it = [example(A, B, C, gold=("b", "c"), record=record(("c",), ("b",)))]
    assert chosen(collator(tokenizer, ensure_gold=True)(it, 2, training=True)) == ["a", "b"]


def test_one_passage_of_a_gold_stretch_of_a_page_is_enough(tokenizer: Tokenizer) -> None:
    parts = [Passage(f"7-{i}", "", "one", "7", Span(i, 0, i, 90)) for i in range(4)]
    gold = Provenance(None, wikipedia_id="7", span=Span(1, 50, 2, 20))
    known = Record("q", "capital one", (Output("paris", (gold, gold)),))
    collate = collator(tokenizer, lambda _: parts[1], ensure_gold=True)
    assert chosen(collate([example(A, parts[0], parts[2], record=known)], 2, training=True)) == ["a", "7-2"]
    assert chosen(collate([example(A, parts[0], record=known)], 2, training=True)) == ["a", "7-1"]
    nowhere = collator(tokenizer, lambda _: None, ensure_gold=True)
    assert chosen(nowhere([example(A, parts[0], record=known)], 2, training=True)) == ["a", "7-0"]


def test_random_candidates_vary_keep_the_gold_one_and_retrieval_order(tokenizer: Tokenizer) -> None:
    passages = [passage(f"p{i:02d}") for i in range(25)]
    it = [example(*passages, gold=("p20",))]
    collate = collator(tokenizer, sample="random", ensure_gold=True)
    draws = {tuple(chosen(collate(it, 5, True, [seed]))) for seed in range(40)}
    assert len(draws) > 30
    assert all("p20" in names and len(set(names)) == 5 and list(names) == sorted(names) for names in draws)
    assert {name for names in draws for name in names} == {p.id for p in passages}
    again = collate(it, 5, True, [3])
    assert chosen(again) == chosen(collate(it, 5, True, [3]))


def test_random_candidates_may_be_drawn_from_the_first_alone(tokenizer: Tokenizer) -> None:
    passages = [passage(f"p{i:02d}") for i in range(25)]
    it = [example(*passages, gold=("p20",))]
    collate = collator(tokenizer, sample="random", sample_from=6, ensure_gold=True)
    draws = {tuple(chosen(collate(it, 5, True, [seed]))) for seed in range(40)}
    assert {name for names in draws for name in names} == {"p00", "p01", "p02", "p03", "p04", "p05", "p20"}
    assert len(draws) > 10
    assert all(len(names) == 5 and "p20" in names for names in draws)
    assert chosen(collate(it, 5, False)) == [f"p{i:02d}" for i in range(5)], "of training alone"
    assert len(chosen(collate(it, 25, True))) == 7, "there are no more to draw from"


def test_the_window_holds_the_answer_at_varying_places(tokenizer: Tokenizer) -> None:
    text = "one two three four five six seven eight nine ten " * 3 + "paris " + "one two three four five " * 6
    it = [example(passage("a", text), B, gold=("a",))]
    collate = collator(tokenizer)
    prefix, answer = tokenizer.encode("title: title a context:"), tokenizer.encode("paris")
    places = set()
    for seed in range(30):
        batch = collate(it, 2, True, [seed], window=10)
        row = batch.passages.ids[0][batch.passages.mask[0]].tolist()
        assert row[: len(prefix)] == prefix
        assert len(row) == len(prefix) + 10 + 1
        places.add(next(i for i in range(len(row)) if row[i : i + len(answer)] == answer))
        assert batch.passage_ids[0] != "a"
        assert batch.passage_ids[1] == "b"
    assert len(places) > 5


def test_the_same_input_gives_the_same_batch(tokenizer: Tokenizer) -> None:
    it = [example(A, B, C), example(B)]
    first, second = (collator(tokenizer)(it, 2, True, [1, 2]) for _ in range(2))
    assert first.passage_ids == second.passage_ids
    assert torch.equal(first.passages.ids, second.passages.ids)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"passage_tokens": 1}, r"passage_tokens must be at least 2"),
        ({"passages": 0}, r"passages must be at least 1"),
        ({"sample": "randm"}, "did you mean 'random'"),
        ({"sample_from": 6}, "sample_from must be null where sample is 'first'"),
        ({"passage_format": "{text} {title}"}, r"must end in \{text\}"),
        ({"passage_format": "{name} {text}"}, r"must end in \{text\}"),
        ({"passage_format": "{title {text}"}, "passage_format"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CollatorConfig(**options)


def test_evidence_names_the_tokens_of_gold_passages_where_the_answer_starts(tokenizer: Tokenizer) -> None:
    here = passage("g", "one paris two paris")
    batch = collator(tokenizer)([example(passage("x", "paris"), here, gold=("g",))], training=True)
    ids = batch.passages.ids[batch.index[0, 1]].tolist()
    wanted = tokenizer.encode("paris")
    starts = [i for i in range(len(ids)) if ids[i : i + len(wanted)] == wanted]
    assert len(starts) == 2
    assert batch.evidence.tolist() == [[0, 1, start] for start in starts]
    assert collator(tokenizer)([example(here, gold=("g",))]).evidence.shape == (0, 3), "not in evaluation"


def test_an_example_can_name_evidence_that_is_not_its_target(tokenizer: Tokenizer) -> None:
    here = passage("g", "one two paris river rome")
    claim = replace(example(here, gold=("g",), target="oslo"), evidence=("paris", "rome"))
    windowed = collator(tokenizer)([claim], training=True, window=3, seeds=[5])
    for batch in (collator(tokenizer)([claim], training=True), windowed):
        ids = batch.passages.ids[0].tolist()
        assert batch.evidence[:, :2].unique().tolist() == [0]
        words = {
            tokenizer.decode(ids[t : t + len(tokenizer.encode(w))])
            for w in ("paris", "rome")
            for t in batch.evidence[:, 2]
        }
        assert words & {"paris", "rome"}
    assert len(collator(tokenizer)([claim], training=True).evidence) == 2


class Framed(BpeTokenizer):
    """A tokenizer with two ids before a question and after a passage."""

    question_frame, passage_frame = Frame(before=(7, 8)), Frame(before=(9,), after=(7, 8))


@pytest.fixture(scope="module")
def framed() -> Tokenizer:
    config = TOKENIZERS.configure("bpe", vocabulary=400)
    return Framed.train(config, [TEXT] * 20)


def rows_of(tokens: Tokens) -> list[list[int]]:
    return [ids[mask].tolist() for ids, mask in zip(tokens.ids, tokens.mask, strict=True)]


def test_what_stands_round_a_text_is_the_tokenizers_to_say(framed: Tokenizer) -> None:
    batch = collator(framed)([example(A)])
    passage_ids = framed.encode("title: title a context: one two three")
    assert rows_of(batch.questions) == [[7, 8, *framed.encode("capital one")]]
    assert rows_of(batch.passages) == [[9, *passage_ids, 7, 8]]
    assert rows_of(batch.targets) == [[*framed.encode("paris"), framed.eos_id]]
    cut = collator(framed, question_tokens=3, passage_tokens=6)([example(A)])
    assert rows_of(cut.questions) == [[7, 8, framed.encode("capital one")[0]]]
    assert rows_of(cut.passages) == [[9, *passage_ids[:3], 7, 8]]


def test_evidence_is_found_within_the_frame(framed: Tokenizer) -> None:
    gold = passage("g", "one two paris three")
    batch = collator(framed)([example(gold, gold=("g",))], training=True)
    target = framed.encode("paris")
    for _, _, place in batch.evidence.tolist():
        assert rows_of(batch.passages)[0][place : place + len(target)] == target
    assert len(batch.evidence) == 1


@pytest.mark.parametrize(("kind", "most", "frame"), [("question", 2, 2), ("passage", 3, 3)])
def test_a_length_that_leaves_no_room_beside_the_frame_is_refused(
    framed: Tokenizer, kind: str, most: int, frame: int
) -> None:
    with pytest.raises(
        ConfigError, match=rf"collator\.{kind}_tokens = {most} .* puts {frame} tokens round it; .* at least {most + 1}$"
    ):
        collator(framed, **{f"{kind}_tokens": most})
