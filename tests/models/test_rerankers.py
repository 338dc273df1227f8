"""Reranker heads, worked out by hand."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from glimmer.data.values import States
from glimmer.errors import ConfigError
from glimmer.models.rerankers import RERANKERS, Reranker
from glimmer.models.values import Pairs

ABSENT = -math.inf
RETRIEVED = torch.tensor([[0.0, 0.0, ABSENT]])
"""Of one question's three candidates the last is absent."""


def head(name: str, width: int, weights: dict[str, Any], **options: Any) -> Reranker:
    """A head with given weights."""
    made = RERANKERS.build(RERANKERS.configure(name, **options), width=width)
    with torch.no_grad():
        for key, values in weights.items():
            made.get_parameter(key).copy_(torch.tensor(values))
    return made


def question_with_two(states: list[list[list[float]]], lengths: list[int], question: list[int]) -> Pairs:
    """Pairs of the first two candidates, with how many tokens are real and how many the question's."""
    values = torch.tensor(states)
    mask = torch.arange(values.shape[1]) < torch.tensor(lengths)[:, None]
    return Pairs(States(values, mask), torch.tensor([0, 0]), torch.tensor([0, 1]), torch.tensor(question))


def scores(reranker: Reranker, pairs: Pairs, retrieved: torch.Tensor = RETRIEVED) -> list[float]:
    found: list[float] = reranker(pairs, retrieved)[0].tolist()
    return found


@pytest.mark.parametrize("name", ["first_token", "mean_pool", "max_pool", "max_sim", "similarity"])
def test_scores_are_exact_whatever_the_layers_compute_in(name: str) -> None:
    """In bf16 two scores near 5 that differ by less than 1/64 would be one."""
    torch.manual_seed(0)
    made = RERANKERS.build(RERANKERS.configure(name), width=16)
    pairs = question_with_two(torch.randn(2, 6, 16).bfloat16().tolist(), [6, 5], [2, 2])
    rounded = replace(pairs, states=States(pairs.states.values.bfloat16(), pairs.states.mask))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(made(rounded, RETRIEVED), made(pairs, RETRIEVED))
    assert torch.equal(made(rounded, RETRIEVED), made(pairs, RETRIEVED))


@pytest.mark.parametrize(("normalise", "root"), [(False, 1.0), (True, math.sqrt(12.5))])
def test_first_token_projects_the_first_token(normalise: bool, root: float) -> None:
    pairs = question_with_two([[[3, 4], [9, 9.0]], [[-4, 3], [9, 9]]], [2, 2], [1, 1])
    made = head("first_token", 2, {"projection.weight": [[1, 2]], "projection.bias": [0.5]}, normalise=normalise)
    assert scores(made, pairs) == pytest.approx([11 / root + 0.5, 2 / root + 0.5, ABSENT])


@pytest.mark.parametrize(
    ("normalise", "expected"), [(False, [4 + 0.5, 8 + 0.5]), (True, [4 / math.sqrt(12.5) + 0.5, 2 + 0.5])]
)
def test_mean_pool_projects_the_mean_of_the_real_tokens(normalise: bool, expected: list[float]) -> None:
    """Tokens are normalised before the mean: (3, 4) and (−3, 4) have the same root mean square, √12.5."""
    pairs = question_with_two([[[3, 4], [-3, 4], [9, 9.0]], [[4, 4], [9, 9], [9, 9]]], [2, 1], [1, 1])
    made = head("mean_pool", 2, {"projection.weight": [[1, 1]], "projection.bias": [0.5]}, normalise=normalise)
    assert scores(made, pairs) == pytest.approx([*expected, ABSENT])


def test_max_pool_is_a_smooth_maximum_over_the_passages_tokens_alone() -> None:
    """The question's token and padding are 9."""
    pairs = question_with_two([[[9], [1], [2], [9.0]], [[9], [5], [9], [9]]], [3, 2], [1, 1])
    made = head("max_pool", 1, {"projection.weight": [[1.0]]}, normalise=False)
    assert scores(made, pairs) == pytest.approx([math.log(math.e + math.e**2), 5.0, ABSENT])


def test_max_sim_is_the_scaled_mean_over_question_tokens_of_their_best_cosine() -> None:
    """Cosines of (1, 0) and (0, 2) with (3, 4) and (−1, 0): the best are 0.6 and 0.8. The second passage is empty."""
    pairs = question_with_two([[[1, 0], [0, 2], [3, 4], [-1, 0.0]], [[1, 0], [1, 0], [1, 0], [1, 0]]], [4, 1], [2, 1])
    assert scores(head("max_sim", 2, {}), pairs) == pytest.approx([10 * 0.7, -10, ABSENT])


def test_max_sim_compares_projected_states_and_padding_is_no_match() -> None:
    """Of (1, 0, 7), (3, 4, −7) the last number is projected away; the padding would fit perfectly."""
    pairs = question_with_two([[[1, 0, 7], [3, 4, -7], [1, 0, 7.0]]] * 2, [2, 2], [1, 1])
    made = head("max_sim", 3, {"projection.weight": [[1, 0, 0], [0, 1, 0]]}, dimensions=2, scale=2.0)
    assert scores(made, pairs) == pytest.approx([2 * 0.6, 2 * 0.6, ABSENT])


def test_similarity_is_the_scaled_and_weighted_cosine_of_the_two_means() -> None:
    """Means (3, 4) / 5 and (1, 0), then (0, 2) / 2; padding and the other side's tokens count for nothing."""
    question = [[2, 8], [4, 0.0]]
    pairs = question_with_two([[*question, [7, 0], [9, 9]], [*question, [0, 3], [0, 1]]], [3, 4], [2, 2])
    assert scores(head("similarity", 2, {}), pairs) == pytest.approx([15 * 0.6, 15 * 0.8, ABSENT])
    made = head("similarity", 2, {"weight": [2.0, 0.5], "scale": 10.0})
    assert scores(made, pairs) == pytest.approx([10 * 2 * 0.6, 10 * 0.5 * 0.8, ABSENT])
    empty = question_with_two([[[1, 0]], [[1, 0.0]]], [1, 1], [1, 1])
    assert scores(made, empty) == [0, 0, ABSENT]


def test_a_sum_adds_its_heads_each_times_its_factor() -> None:
    pairs = question_with_two([[[3, 4], [1, 0.0]], [[-4, 3], [0, 1]]], [2, 2], [1, 1])
    parts = {"a": RERANKERS.configure("similarity"), "b": RERANKERS.configure("first_token", normalise=False)}
    weights = {"heads.b.projection.weight": [[1.0, 2]], "heads.b.projection.bias": [0.5]}
    made = head("sum", 2, weights, of=parts, factors={"b": 0.1})
    assert scores(made, pairs) == pytest.approx([15 * 0.6 + 0.1 * 11.5, 15 * 0.6 + 0.1 * 2.5, ABSENT])
    assert {name for name, _ in made.named_parameters()} >= {"factors", "heads.a.scale"}


def test_how_far_the_retriever_is_trusted_may_depend_on_the_question() -> None:
    """Question means (3, 4) / 5 and (0, 1); at first every factor is 1."""
    pairs = question_with_two([[[2, 8], [4, 0], [1, 1.0]], [[0, 1], [0, 2], [1, 1]]], [3, 3], [2, 2])
    weights = {"projection.weight": [[0.0, 0.0]], "projection.bias": [0.5], "retrieval_weight": 2.0}
    options = {"retrieval_score": True, "standardise": False, "by_question": True}
    given = torch.tensor([[3.0, -1.0, ABSENT]])
    assert scores(head("first_token", 2, weights, **options), pairs, given) == pytest.approx([6.5, -1.5, ABSENT])
    made = head("first_token", 2, {**weights, "retrieval_gate.direction": [1.0, 0.5]}, **options)
    expected = [6 * math.exp(0.6 + 0.4) + 0.5, -2 * math.exp(0.5) + 0.5, ABSENT]
    assert scores(made, pairs, given) == pytest.approx(expected)
    with pytest.raises(ConfigError, match="by_question must be false where retrieval_score is"):
        RERANKERS.configure("first_token", by_question=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"of": {}}, "of must be two heads at least"),
        ({"factors": {"c": 1.0}}, "factors.c is of none of the heads a, b"),
        ({"b": True}, "of.b.retrieval_score must be false"),
    ],
)
def test_a_sum_names_what_does_not_fit(options: dict[str, Any], message: str) -> None:
    parts = {
        "a": RERANKERS.configure("similarity"),
        "b": RERANKERS.configure("max_sim", retrieval_score=options.pop("b", False)),
    }
    with pytest.raises(ConfigError, match=message):
        RERANKERS.configure("sum", **{"of": parts, **options})


def test_the_retrieval_score_is_added_standardised_over_the_present_candidates() -> None:
    """Scores 7 and 3 are ±1 whatever their scale, equal ones are 0; the head adds its own 0.5."""
    pairs = question_with_two([[[1.0]], [[1.0]]], [1, 1], [1, 1])
    weights = {"projection.weight": [[0.0]], "projection.bias": [0.5], "retrieval_weight": 2.0}
    made = head("first_token", 1, weights, retrieval_score=True)
    assert scores(made, pairs, torch.tensor([[7, 3, ABSENT]])) == pytest.approx([2.5, -1.5, ABSENT])
    assert scores(made, pairs, torch.tensor([[5, 5, ABSENT]])) == pytest.approx([0.5, 0.5, ABSENT])
    as_it_is = head("first_token", 1, weights, retrieval_score=True, standardise=False)
    assert scores(as_it_is, pairs, torch.tensor([[7, 3, ABSENT]])) == pytest.approx([14.5, 6.5, ABSENT])
    assert RERANKERS.build(RERANKERS.configure("first_token"), width=1).retrieval_weight is None
    fresh = RERANKERS.build(RERANKERS.configure("first_token", retrieval_score=True), width=1)
    assert fresh.get_parameter("retrieval_weight").item() == 1
    louder = RERANKERS.configure("first_token", retrieval_score=True, retrieval_weight=4)
    assert RERANKERS.build(louder, width=1).get_parameter("retrieval_weight").item() == 4
