"""Criterions: hand-computed losses, where gradients go, and that absent candidates change nothing."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from glimmer.criterions import CRITERIONS, Criterion, CriterionOutput
from glimmer.data.values import Batch, Tokens
from glimmer.errors import ConfigError, TrainingError
from glimmer.models.values import Pairs, Ranking, ReaderOutput, States

INF = float("inf")


class FakeReader:
    """Gives every pair a log-likelihood from a table ``[B, K]``."""

    def __init__(self, table: Tensor) -> None:
        self.table = table
        self.rows: list[int] = []

    def passage_log_likelihood(self, output: ReaderOutput, batch: Batch, pairs: Tensor) -> Tensor:
        self.rows = pairs.tolist()
        return self.table[output.pairs.question[pairs], output.pairs.slot[pairs]]


def make_batch(
    present: list[list[int]], gold: list[list[int]] | None = None, lengths: list[int] | None = None
) -> Batch:
    index = torch.tensor(present).long() - 1  # 0 = absent
    questions = len(present)
    return Batch(
        ids=tuple(map(str, range(questions))),
        tasks=("task",) * questions,
        questions=Tokens.pad([[3]] * questions),
        passages=Tokens.pad([[3]]),
        passage_ids=("p",),
        index=index,
        retrieval_scores=torch.zeros(index.shape),
        gold=torch.zeros(index.shape, dtype=torch.bool) if gold is None else torch.tensor(gold).bool(),
        targets=Tokens.pad([[3] * n for n in lengths or [1] * questions]),
    )


def make_output(batch: Batch, scores: Tensor, scored: bool = True) -> ReaderOutput:
    question, slot = batch.present.nonzero(as_tuple=True)
    states = States(torch.zeros(len(question), 1, 1), torch.ones(len(question), 1, dtype=torch.bool))
    pairs = Pairs(states, question, slot, torch.zeros_like(question))
    kept = torch.arange(batch.index.shape[1]).masked_fill(~batch.present, -1)
    ranking = Ranking(scores.masked_fill(~batch.present, -INF), kept)
    return ReaderOutput(torch.zeros(int(batch.targets.mask.sum()), 5), ranking, pairs, scored)


def build(name: str, **options: Any) -> Criterion:
    return CRITERIONS.build(CRITERIONS.configure(name, **options))


def distil(batch: Batch, scores: Tensor, table: Tensor, **options: Any) -> CriterionOutput:
    criterion = build("perplexity_distillation", **options)
    result = criterion(FakeReader(table), make_output(batch, scores), batch)  # type: ignore[arg-type]
    assert torch.equal(result.counts, criterion.counts(batch))
    return result


def kl(p: list[float], q: list[float]) -> float:
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def test_cross_entropy_sums_over_the_target_tokens_alone() -> None:
    batch = make_batch([[1], [1]], lengths=[2, 1])
    output = make_output(batch, torch.zeros(2, 1))
    first, second = [0.1, 0.1, 0.2, 0.5, 0.1], [0.1, 0.1, 0.3, 0.25, 0.25]
    output = ReaderOutput(torch.tensor([first, second, first]).log(), output.ranking, output.pairs, False)
    result = build("cross_entropy")(None, output, batch)  # type: ignore[arg-type]
    assert result.values.tolist() == pytest.approx([-math.log(0.5) - math.log(0.25), -math.log(0.5)])
    assert result.counts.tolist() == [2, 1]


def test_label_smoothing_mixes_in_the_mean_over_the_vocabulary() -> None:
    batch = make_batch([[1]])
    p = [0.1, 0.1, 0.2, 0.5, 0.1]
    output = make_output(batch, torch.zeros(1, 1))
    output = ReaderOutput(torch.tensor([p]).log(), output.ranking, output.pairs, False)
    result = build("cross_entropy", label_smoothing=0.2)(None, output, batch)  # type: ignore[arg-type]
    expected = 0.8 * -math.log(0.5) + 0.2 * sum(-math.log(x) for x in p) / 5
    assert result.values.item() == pytest.approx(expected)
    assert result.logs["nll"][0].item() == pytest.approx(-math.log(0.5))


def test_distillation_is_the_kl_in_the_direction_asked_for() -> None:
    batch = make_batch([[1, 1]])
    rank, target = [0.25, 0.75], [0.9, 0.1]
    scores, table = torch.tensor([rank]).log(), torch.tensor([target]).log()
    assert distil(batch, scores, table).values.item() == pytest.approx(kl(target, rank))
    backward = distil(batch, scores, table, direction="rank_to_target")
    assert backward.values.item() == pytest.approx(kl(rank, target))
    assert backward.logs["agreement"][0].item() == 0
    entropy = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    assert backward.logs["target_entropy"][0].item() == pytest.approx(entropy)


def test_temperatures_divide_scores_and_log_likelihoods() -> None:
    batch = make_batch([[1, 1]])
    scores, table = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, -3.0]])
    result = distil(batch, scores, table, score_temperature=0.5, target_temperature=2.0)
    rank = torch.tensor([0.0, 2.0]).softmax(0).tolist()
    target = torch.tensor([0.0, -1.5]).softmax(0).tolist()
    assert result.values.item() == pytest.approx(kl(target, rank), rel=1e-5)


def test_a_lower_target_temperature_sharpens_the_target() -> None:
    batch = make_batch([[1, 1, 1]])
    scores, table = torch.zeros(1, 3), torch.tensor([[-1.0, -2.0, -3.0]])
    entropies = [
        distil(batch, scores, table, target_temperature=t).logs["target_entropy"][0].item() for t in (0.1, 1.0, 10.0)
    ]
    assert entropies == sorted(entropies)
    assert entropies[0] < 0.01
    assert entropies[2] == pytest.approx(math.log(3), abs=0.01)


def test_the_mean_likelihood_is_the_sum_over_the_target_length() -> None:
    batch = make_batch([[1, 1]], lengths=[4])
    scores, table = torch.tensor([[0.3, 0.1]]), torch.tensor([[-2.0, -6.0]])
    mean = distil(batch, scores, table, likelihood="mean").values
    assert torch.allclose(mean, distil(batch, scores, table / 4, likelihood="sum").values)
    assert not torch.allclose(mean, distil(batch, scores, table, likelihood="sum").values)


@pytest.mark.parametrize("direction", ["target_to_rank", "rank_to_target"])
@pytest.mark.parametrize("stop", [True, False])
def test_gradients_reach_the_likelihood_only_without_stop_gradient(direction: str, stop: bool) -> None:
    batch = make_batch([[1, 1, 0], [1, 0, 0], [0, 0, 0]])
    scores = torch.tensor([[0.0, 1.0, 5.0], [1.0, 5.0, 5.0], [5.0, 5.0, 5.0]], requires_grad=True)
    table = torch.tensor([[0.0, -3.0, 7.0]] * 3, requires_grad=True)
    result = distil(batch, scores, table, direction=direction, stop_gradient=stop)
    result.values.sum().backward()
    assert scores.grad is not None
    assert scores.grad[0, :2].abs().min() > 0
    assert scores.grad.isfinite().all()
    assert scores.grad[0, 2] == 0
    assert scores.grad[1:].abs().sum() == 0
    if stop:
        assert table.grad is None
    else:
        assert table.grad is not None
        assert table.grad[0, :2].abs().min() > 0
        assert table.grad.isfinite().all()
        assert table.grad[1:].abs().sum() == 0


def test_a_question_with_fewer_than_two_candidates_counts_nothing() -> None:
    batch = make_batch([[1, 0], [0, 0], [1, 1]])
    result = distil(batch, torch.ones(3, 2), torch.tensor([[-1.0, -2.0]] * 3))
    assert result.counts.tolist() == [0, 0, 1]
    assert result.values[:2].tolist() == [0, 0]
    assert result.values[2] > 0


@pytest.mark.parametrize("name", ["perplexity_distillation", "gold_ranking"])
def test_an_absent_candidate_changes_nothing(name: str) -> None:
    scores, table = torch.tensor([[0.2, 1.0, 99.0]]), torch.tensor([[-4.0, -1.0, 99.0]])
    narrow, wide = make_batch([[1, 1]], [[0, 1]]), make_batch([[1, 1, 0]], [[0, 1, 1]])
    one = build(name)(FakeReader(table), make_output(narrow, scores[:, :2]), narrow)  # type: ignore[arg-type]
    two = build(name)(FakeReader(table), make_output(wide, scores), wide)  # type: ignore[arg-type]
    assert torch.equal(one.values, two.values)
    assert torch.equal(one.counts, two.counts)
    assert one.logs.keys() == two.logs.keys()
    assert all(torch.equal(one.logs[key][0], two.logs[key][0]) for key in one.logs)


def test_a_sample_is_drawn_from_the_present_candidates_by_the_torch_seed() -> None:
    batch = make_batch([[1] * 12, [1, 1, 0] + [0] * 9])
    criterion = build("perplexity_distillation", passages="sample", count=3)
    output = make_output(batch, torch.zeros(2, 12))

    def draw(seed: int) -> list[int]:
        torch.manual_seed(seed)
        reader = FakeReader(torch.zeros(2, 12))
        criterion(reader, output, batch)  # type: ignore[arg-type]
        return reader.rows

    assert draw(1) == draw(1)
    assert len({tuple(draw(seed)) for seed in range(5)}) > 1
    for seed in range(5):
        rows = draw(seed)
        assert sum(row < 12 for row in rows) == 3
        assert [row for row in rows if row >= 12] == [12, 13]


def test_candidates_outside_the_sample_get_no_gradient() -> None:
    batch = make_batch([[1] * 6])
    scores = torch.randn(1, 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
    distil(batch, scores, torch.arange(6.0)[None], passages="sample", count=2).values.sum().backward()
    assert scores.grad is not None
    assert int((scores.grad != 0).sum()) == 2


def test_gold_ranking_by_mass_and_uniformly() -> None:
    batch = make_batch([[1, 1, 1]], [[1, 0, 1]])
    scores = torch.tensor([[0.5, 0.2, 0.3]]).log()
    mass = build("gold_ranking", target="mass")(None, make_output(batch, scores), batch)  # type: ignore[arg-type]
    assert mass.values.item() == pytest.approx(-math.log(0.8))
    assert mass.logs["gold_first"][0].item() == 1
    uniform = build("gold_ranking")(None, make_output(batch, scores), batch)  # type: ignore[arg-type]
    assert uniform.values.item() == pytest.approx((-math.log(0.5) - math.log(0.3)) / 2)


@pytest.mark.parametrize("target", ["mass", "uniform"])
def test_gold_ranking_counts_only_questions_with_something_to_tell_apart(target: str) -> None:
    batch = make_batch([[1, 1], [1, 1], [1, 0], [0, 0], [1, 1]], [[0, 0], [1, 1], [1, 0], [1, 1], [0, 1]])
    scores = torch.zeros(5, 2, requires_grad=True)
    criterion = build("gold_ranking", target=target)
    result = criterion(None, make_output(batch, scores), batch)  # type: ignore[arg-type]
    assert result.counts.tolist() == criterion.counts(batch).tolist() == [0, 0, 0, 0, 1]
    assert result.values.tolist() == pytest.approx([0, 0, 0, 0, math.log(2)])
    result.values.sum().backward()
    assert scores.grad is not None
    assert scores.grad[:4].abs().sum() == 0
    assert scores.grad[4].tolist() == pytest.approx([0.5, -0.5])


@pytest.mark.parametrize("name", ["perplexity_distillation", "gold_ranking"])
def test_a_reader_without_reranker_is_an_error(name: str) -> None:
    batch = make_batch([[1, 1]])
    with pytest.raises(ConfigError, match=rf"criterions\.{name} .*reranker=first_token"):
        build(name)(None, make_output(batch, torch.zeros(1, 2), scored=False), batch)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cross_entropy", {"label_smoothing": 1.0}, "label_smoothing must be at least 0 and below 1"),
        ("cross_entropy", {"weight": -1.0}, "weight must be at least 0"),
        ("perplexity_distillation", {"direction": "rank_to_targt"}, r"did you mean 'rank_to_target'"),
        ("perplexity_distillation", {"target_temperature": 0.0}, r"target_temperature must be above 0, found 0\.0"),
        ("perplexity_distillation", {"count": 1}, r"count must be at least 2"),
        ("gold_ranking", {"target": "mas"}, r"did you mean 'mass'"),
    ],
)
def test_an_impossible_option_names_its_key(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(name, **options)


class Looking:
    """Looks at the tokens of pairs as a table ``[N, T, S]`` says, as far as it is asked for."""

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits

    def source_attention(self, pairs: Pairs, targets: Tensor) -> Tensor:
        return self.logits[:, : targets.shape[1]]


def test_evidence_attention_is_what_falls_beside_the_evidence() -> None:
    """Question 0 reads two passages of two tokens behind a question of one; question 1 has no evidence."""
    batch = replace(make_batch([[1, 1], [1, 0]]), evidence=torch.tensor([[0, 1, 0], [0, 1, 1]]))
    output = make_output(batch, torch.zeros(2, 2))
    states = States(torch.zeros(3, 3, 1), torch.tensor([[1, 1, 1], [1, 1, 1], [1, 1, 0]]).bool())
    pairs = replace(output.pairs, states=states, question_lengths=torch.ones(3, dtype=torch.long))
    odds = torch.tensor([[1.0, 1.0, 2.0], [1.0, 2.0, 3.0], [5.0, 5.0, 5.0]])
    criterion = build("evidence_attention")
    result = criterion(Looking(odds.log()[:, None]), replace(output, pairs=pairs), batch)  # type: ignore[arg-type]
    assert result.values.tolist() == pytest.approx([math.log(10 / 5), 0.0])
    assert result.counts.tolist() == criterion.counts(batch).tolist() == [1, 0]
    assert [v.tolist() for v in result.logs["first"]] == [[1.0, 0.0], [1, 0]]


def test_evidence_in_a_passage_that_was_not_kept_adds_nothing() -> None:
    batch = replace(make_batch([[1, 1]]), evidence=torch.tensor([[0, 1, 0]]))
    output = make_output(batch, torch.zeros(1, 2))
    kept = replace(output, ranking=replace(output.ranking, kept=torch.tensor([[0, -1]])))
    result = build("evidence_attention")(Looking(torch.zeros(1, 1, 1)), kept, batch)  # type: ignore[arg-type]
    assert result.values.tolist() == [0.0]
    assert [v.tolist() for v in result.logs["first"]] == [[0.0], [0]]


@pytest.mark.parametrize(
    ("target", "steps", "taught"),
    [
        ([8, 9, 1], None, [(0, 2), (1, 3)]),
        ([8, 9, 1], 1, [(0, 2)]),
        ([8, 7, 9], None, [(0, 2)]),
        ([5, 9, 1], None, [(0, 2)]),
        ([8, 9, 6], None, [(0, 2), (1, 3), (2, 4)]),
    ],
    ids=[
        "until the text goes on otherwise",
        "one step",
        "a word apart",
        "evidence that is not the target",
        "to the end",
    ],
)
def test_evidence_attention_follows_the_target(
    target: list[int], steps: int | None, taught: list[tuple[int, int]]
) -> None:
    """A question of one token before the passage 7 8 9 6, evidence at 8: which token each step is to look at."""
    batch = replace(
        make_batch([[1]]),
        passages=Tokens.pad([[7, 8, 9, 6]]),
        targets=Tokens.pad([target]),
        evidence=torch.tensor([[0, 0, 1]]),
    )
    odds = torch.arange(1.0, 16.0).view(1, 3, 5)
    states = States(torch.zeros(1, 5, 1), torch.ones(1, 5, dtype=torch.bool))
    output = make_output(batch, torch.zeros(1, 1))
    pairs = replace(output.pairs, states=states, question_lengths=torch.ones(1, dtype=torch.long))
    criterion = build("evidence_attention", steps=steps)
    result = criterion(Looking(odds.log()), replace(output, pairs=pairs), batch)  # type: ignore[arg-type]
    shares = [float(odds[0, step, token] / odds[0, step].sum()) for step, token in taught]
    assert result.values.tolist() == pytest.approx([-sum(map(math.log, shares))])
    hits = [float(token == 4) for _, token in taught]  # the last token has the highest odds
    assert [v.tolist() for v in result.logs["next"]] == [[sum(hits[1:])], [len(taught) - 1]]


def test_logits_of_all_positions_are_refused_by_name() -> None:
    batch = make_batch([[1], [1]], lengths=[2, 3])
    output = replace(make_output(batch, torch.zeros(2, 1)), logits=torch.zeros(2, 3, 5))
    message = r"gives logits of shape \(2, 3, 5\); expected \[N, V\] with a row for each of the batch's N = 5 target"
    with pytest.raises(TrainingError, match=message):
        build("cross_entropy")(FakeReader(torch.zeros(1)), output, batch)  # type: ignore[arg-type]
