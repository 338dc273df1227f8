"""Selectors keep what they say, best first, and never an absent candidate."""

import torch

from glimmer.models.selectors import SELECTORS

ABSENT = float("-inf")
SCORES = torch.tensor([[1.0, 3.0, 2.0, 0.0], [0.5, ABSENT, ABSENT, ABSENT], [ABSENT] * 4])


def test_top_m_keeps_the_best_in_order_and_pads_with_minus_one() -> None:
    kept = SELECTORS.build(SELECTORS.configure("top_m", kept=2))(SCORES)
    assert kept.tolist() == [[1, 2], [0, -1], [-1, -1]]


def test_ties_keep_retrieval_order() -> None:
    assert SELECTORS.build(SELECTORS.configure("all"))(torch.ones(1, 3)).tolist() == [[0, 1, 2]]


def test_threshold_respects_floor_and_cap() -> None:
    build = SELECTORS.build
    strict = build(SELECTORS.configure("threshold", probability=0.9, floor=2, cap=3))(SCORES)
    assert strict.tolist() == [[1, 2, -1], [0, -1, -1], [-1, -1, -1]]
    lenient = build(SELECTORS.configure("threshold", probability=0.0, floor=1, cap=3))(SCORES)
    assert lenient.tolist() == [[1, 2, 0], [0, -1, -1], [-1, -1, -1]]


def test_gumbel_samples_in_proportion_in_training_and_is_exact_in_evaluation() -> None:
    selector = SELECTORS.build(SELECTORS.configure("gumbel_top_m", kept=1))
    assert selector.eval()(SCORES)[0].tolist() == [1]
    torch.manual_seed(0)
    scores = torch.tensor([[0.0, 1.0]]).expand(4000, 2)
    share = (selector.train()(scores) == 1).float().mean()
    assert abs(float(share) - 0.731) < 0.03  # sigmoid(1)
