"""Evaluation of a task with a reader that is made up: figures by hand, order, limits, and what goes wrong."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from glimmer.data.collate import Collator, CollatorConfig
from glimmer.data.kilt import write_records
from glimmer.data.tokenizers import Frame
from glimmer.data.values import Batch, Candidate, Example, Output, Passage, Provenance, Record
from glimmer.errors import ConfigError, DataError
from glimmer.evaluation.evaluate import TaskResult, evaluate_task, evaluation_examples, figure_names
from glimmer.evaluation.kilt import score_files
from glimmer.evaluation.predictions import write_predictions
from glimmer.models.base import Model
from glimmer.models.generation import Generation, GenerationConfig
from glimmer.models.values import Ranking, ReaderOutput
from glimmer.tasks.base import Task, TaskConfig


class Letters:
    """A tokenizer of characters."""

    pad_id, eos_id = 0, 1
    question_frame, passage_frame = Frame(), Frame(after=(1,))

    def encode(self, text: str) -> list[int]:
        return [ord(letter) + 3 for letter in text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(chr(i - 3) for i in ids)


LETTERS = Letters()


class FakeModel(Model):
    """Answers by record id, scores a passage by the last character of its id, and keeps the best ``kept``."""

    def __init__(self, answers: dict[str, str], kept: int = 2) -> None:
        super().__init__()
        self.answers, self.kept = answers, kept
        self.sizes: list[int] = []

    def forward(self, batch: Batch, every_passage: bool = False) -> ReaderOutput:
        raise NotImplementedError

    def passage_log_likelihood(self, output: ReaderOutput, batch: Batch, pairs: Tensor | None = None) -> Tensor:
        raise NotImplementedError

    def generate(self, batch: Batch, config: GenerationConfig) -> Generation:
        assert not self.training
        assert not torch.is_grad_enabled()
        self.sizes.append(len(batch))
        scores = torch.full(batch.index.shape, float("-inf"))
        for b, row in enumerate(batch.index.tolist()):
            for k, passage in enumerate(row):
                if passage >= 0:
                    scores[b, k] = float(batch.passage_ids[passage][-1])
        slots = torch.sort(scores, dim=1, descending=True, stable=True)
        kept = slots.indices.masked_fill(slots.values == float("-inf"), -1)[:, : self.kept]
        tokens = [LETTERS.encode(self.answers[name]) for name in batch.ids]
        return Generation(tokens, [-0.5] * len(batch), Ranking(scores, kept))


class FakeTask(Task):
    metrics = ("exact_match", "f1")

    def __init__(self, records: Sequence[Record], retrieved: Sequence[str]) -> None:
        super().__init__(TaskConfig(name="fake"), "fake", None)  # type: ignore[arg-type]
        self.records, self.retrieved = records, retrieved

    def count(self, split: str) -> int:
        return len(self.records)

    def example(self, split: str, index: int, rng: random.Random) -> Example:
        record = self.records[index]
        candidates = tuple(
            Candidate(Passage(name, "", f"text {name}"), 10.0 - i, name in record.gold_ids)
            for i, name in enumerate(self.retrieved[index].split())
        )
        return Example(record.id, self.key, record.input, "", record.answers, candidates, record)

    def answer(self, text: str) -> str:
        return text.lower()


def record(name: str, answer: str, *evidence: str) -> Record:
    """A record with one output for each evidence set, written as ids with blanks."""
    outputs = tuple(Output(answer, tuple(Provenance(p) for p in ids.split())) for ids in evidence)
    return Record(name, f"question {name}" + "?" * len(name), outputs or (Output(answer),))


# The model ranks by the digit: p9 before p8 …, and reads the best two of those retrieved.
RECORDS = [
    record("a", "red", "p9"),  # retrieved last, ranked first: read
    record("bb", "green", "p1"),  # retrieved first, ranked last: not read
    record("ccc", "blue", "p8 p2"),  # a two-hop question of which one passage is read
    record("dddd", "white", "p7"),  # not retrieved
]
RETRIEVED = ["p1 p2 p9", "p1 p8 p9", "p2 p3 p8", "p1 p2"]
ANSWERS = {"a": "RED", "bb": "green", "ccc": "dark blue", "dddd": ""}


def evaluate(model: FakeModel, task: Task, **options: object) -> TaskResult:
    collator = Collator(CollatorConfig(), LETTERS)  # type: ignore[arg-type]
    return evaluate_task(model, task, "dev", collator, LETTERS, GenerationConfig(), **options)  # type: ignore[arg-type]


def test_every_figure_of_a_hand_made_case() -> None:
    result = evaluate(FakeModel(ANSWERS), FakeTask(RECORDS, RETRIEVED))
    assert result.score == result.metrics["exact_match"] == 2 / 4
    expected = {
        "f1": (1 + 1 + 2 / 3) / 4,
        "gold_recall_read": 2 / 5,
        "gold_kept_of_retrieved": 2 / 4,
        "questions_gold_read": 2 / 4,
        "questions_evidence_read": 1 / 4,
        "questions_gold_kept": 2 / 3,
        "exact_match_when_gold_read": 1 / 2,
        "exact_match_when_evidence_read": 1.0,
        "kilt_exact_match": 1 / 4,
        "kilt_f1": 1 / 4,
        "retrieved_r_precision": (0 + 1 + 1 / 2 + 0) / 4,
        "reranked_r_precision": (1 + 0 + 1 / 2 + 0) / 4,
        "retrieved_recall@1": 1 / 4,
        "reranked_recall@1": 1 / 4,
        "retrieved_recall@5": 3 / 4,
        "reranked_recall@5": 3 / 4,
    }
    assert {key: result.metrics[key] for key in expected} == pytest.approx(expected)
    assert set(result.metrics) == set(figure_names(["exact_match", "f1"]))
    assert (result.gold.passages, result.gold.retrieved, result.gold.read) == (5, 4, 2)
    assert json.loads(json.dumps(result.summary()))["questions"] == 4


def test_kilt_golden_values() -> None:
    # KILT's first fixture, a passage a page: two right answers, of which one has the right page, and a partial one.
    records = [record("a", "suicide", "p5"), record("bb", "suicide", "p5"), record("ccc", "it was suicide", "p5")]
    answers = {"a": "suicide", "bb": "a suicide", "ccc": "suicide"}
    task = FakeTask(records, ["p5", "p9", "p9"])
    task.metrics = ("exact_match", "f1", "rouge_l")
    metrics = evaluate(FakeModel(answers), task).metrics
    assert metrics["exact_match"] == pytest.approx(2 / 3)
    assert metrics["f1"] == pytest.approx(5 / 6)
    assert metrics["reranked_r_precision"] == pytest.approx(1 / 3)
    assert metrics["reranked_recall@5"] == pytest.approx(1 / 3)
    assert metrics["kilt_exact_match"] == pytest.approx(1 / 3)
    assert metrics["rouge_l"] == pytest.approx(0.7222, abs=5e-5)
    assert metrics["kilt_rouge_l"] == pytest.approx(1 / 3)


def test_records_of_pages_are_scored_by_page_and_their_predictions_are_kilts(tmp_path: Path) -> None:
    # p9 and p8 are of page 1, p2 of page 2; the model reads the best two, p9 and p8.
    pages = {"p9": "1", "p8": "1", "p2": "2", "p1": None}
    gold = [(Provenance(None, wikipedia_id="1"), Provenance(None, wikipedia_id="2"))]
    task = FakeTask([Record("a", "q", tuple(Output("red", p) for p in gold))], ["p1 p2 p8 p9"])
    make = task.example

    def example(split: str, index: int, rng: random.Random) -> Example:
        made = make(split, index, rng)
        known = [replace(c, passage=replace(c.passage, wikipedia_id=pages[c.passage.id])) for c in made.candidates]
        return replace(made, candidates=tuple(known))

    task.example = example  # type: ignore[method-assign]
    result = evaluate(FakeModel(ANSWERS), task)
    assert (result.gold.passages, result.gold.retrieved, result.gold.read) == (2, 2, 1)
    assert result.metrics["reranked_r_precision"] == 1, "a page that is there twice is one page"
    assert result.metrics["retrieved_r_precision"] == 1 / 2
    assert result.metrics["questions_evidence_read"] == 0
    assert result.metrics["kilt_f1"] == 1
    write_predictions(tmp_path / "guess.jsonl", result.predictions)
    write_records(tmp_path / "gold.jsonl", task.records)
    assert score_files(tmp_path / "gold.jsonl", tmp_path / "guess.jsonl").kilt["KILT-f1"] == 1


def test_every_metric_that_is_a_mean_over_questions_has_its_kilt_score() -> None:
    # Of two questions one has its gold passage ranked first; its answer has one of two words, so F1 is 2/3.
    records = [record("a", "deep blue", "p9"), record("bb", "green", "p1")]
    task = FakeTask(records, ["p1 p9", "p1 p9"])
    task.metrics = ("f1", "exact_match", "chrf")
    metrics = evaluate(FakeModel({"a": "blue", "bb": "green"}), task).metrics
    assert metrics["f1"] == pytest.approx((2 / 3 + 1) / 2)
    assert metrics["kilt_f1"] == pytest.approx((2 / 3) / 2)
    assert metrics["kilt_exact_match"] == 0.0
    assert "kilt_chrf" not in metrics, "a score of the corpus, not a mean over questions"


def test_passages_are_told_in_rank_order_with_their_places() -> None:
    first = evaluate(FakeModel(ANSWERS), FakeTask(RECORDS, RETRIEVED)).predictions[0]
    assert [(p.id, p.rank, p.retrieved_rank, p.score) for p in first.passages] == [
        ("p9", 1, 3, 9.0),
        ("p2", 2, 2, 2.0),
        ("p1", 3, 1, 1.0),
    ]
    assert first.read_ids == ["p9", "p2"]
    assert first.retrieved_ids == ["p1", "p2", "p9"]
    assert [p.retrieval_score for p in first.passages] == [8.0, 9.0, 10.0]
    assert first.answer == "red", "the task's own form of an answer"


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_batches_change_neither_order_nor_figures(batch_size: int) -> None:
    whole = evaluate(FakeModel(ANSWERS), FakeTask(RECORDS, RETRIEVED))
    model = FakeModel(ANSWERS)
    result = evaluate(model, FakeTask(RECORDS, RETRIEVED), batch_size=batch_size)
    assert result == whole
    assert max(model.sizes) == min(batch_size, 4)
    assert [p.id for p in result.predictions] == ["a", "bb", "ccc", "dddd"]


def test_the_mode_of_the_model_is_left_as_it_was() -> None:
    for training in (True, False):
        model = FakeModel(ANSWERS)
        model.train(training)
        evaluate(model, FakeTask(RECORDS, RETRIEVED))
        assert model.training is training


def test_passages_limits_the_candidates() -> None:
    result = evaluate(FakeModel(ANSWERS), FakeTask(RECORDS, RETRIEVED), passages=2)
    assert [p.retrieved_ids for p in result.predictions] == [["p1", "p2"], ["p1", "p8"], ["p2", "p3"], ["p1", "p2"]]


def test_a_question_without_candidates_or_gold_counts_where_it_can() -> None:
    records = [record("a", "red"), record("bb", "green", "p1")]
    result = evaluate(FakeModel(ANSWERS), FakeTask(records, ["p1", ""]))
    assert result.score == 1.0
    assert result.metrics["gold_recall_read"] == 0.0, "of the one gold passage that is known"
    assert result.metrics["questions_gold_read"] == 0.0, "of the one question whose gold passages are known"
    assert "gold_kept_of_retrieved" not in result.metrics
    assert "questions_gold_kept" not in result.metrics
    assert "exact_match_when_gold_read" not in result.metrics
    assert result.predictions[1].passages == ()


def test_records_without_an_answer_are_not_among_the_questions() -> None:
    blind = Record("bb", "what is bb?", ())
    result = evaluate(FakeModel(ANSWERS), FakeTask([record("a", "red"), blind], ["", ""]))
    assert result.summary()["questions"] == 1
    assert len(result.predictions) == 2


def test_a_limit_takes_examples_evenly_over_the_split() -> None:
    task = FakeTask([record(str(i), "x") for i in range(10)], [""] * 10)
    assert [e.id for e in evaluation_examples(task, "dev", 5)] == ["0", "2", "4", "6", "8"]
    assert len(evaluation_examples(task, "dev", 50)) == 10


def test_what_cannot_be_evaluated_says_why() -> None:
    task = FakeTask(RECORDS, RETRIEVED)
    with pytest.raises(ConfigError, match="at least 1, found 0"):
        evaluation_examples(task, "dev", 0)
    with pytest.raises(DataError, match=r"tasks\.fake has no examples in the split 'dev'"):
        evaluation_examples(FakeTask([], []), "dev")
    with pytest.raises(DataError, match="no record of the split 'dev' has an answer"):
        evaluate(FakeModel(ANSWERS), FakeTask([Record("a", "q", ())], ["p1"]))
    task.supervised = False
    with pytest.raises(ConfigError, match=r"tasks\.fake is self-supervised"):
        evaluation_examples(task, "dev")


def test_predictions_are_kilt_lines_in_rank_order(tmp_path: Path) -> None:
    result = evaluate(FakeModel(ANSWERS), FakeTask(RECORDS, RETRIEVED))
    write_predictions(tmp_path / "fake-dev.jsonl", result.predictions)
    lines = [json.loads(line) for line in (tmp_path / "fake-dev.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == ["a", "bb", "ccc", "dddd"]
    assert all(len(line["output"]) == 1 for line in lines)
    output = lines[0]["output"][0]
    assert output["answer"] == "red"
    assert [p["passage_id"] for p in output["provenance"]] == ["p9", "p2", "p1"]
    assert [p["meta"]["read"] for p in output["provenance"]] == [True, True, False]
