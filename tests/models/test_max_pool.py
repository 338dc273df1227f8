"""The max-pool head: a smooth maximum over the passage's tokens, and over nothing else."""

import math

import pytest
import torch

from glimmer.data.values import States
from glimmer.models.rerankers import RERANKERS
from glimmer.models.values import Pairs


def test_only_passage_tokens_are_scored() -> None:
    """A pair of one question token (9), two passage tokens (1 and 2) and padding (9); another of one passage token."""
    head = RERANKERS.build(RERANKERS.configure("max_pool", normalise=False), width=1)
    torch.nn.init.ones_(head.get_parameter("projection.weight"))
    values = torch.tensor([[9.0, 1.0, 2.0, 9.0], [9.0, 5.0, 9.0, 9.0]])[..., None]
    mask = torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0]]).bool()
    pairs = Pairs(States(values, mask), torch.tensor([0, 0]), torch.tensor([0, 1]), torch.tensor([1, 1]))
    scores = head(pairs, torch.zeros(1, 3).index_fill(1, torch.tensor([2]), -math.inf))
    assert scores[0].tolist() == pytest.approx([math.log(math.e + math.e**2), 5.0, -math.inf])
