"""What the encoder and the reranker promise."""

import pytest
import torch
from glimmer_one_way.encoder import OneWayEncoder
from torch import Tensor

from glimmer.data.values import States
from glimmer.errors import ConfigError
from glimmer.models.encoders import ENCODERS, T5Encoder
from glimmer.models.initialisers import INITIALISERS
from glimmer.models.rerankers import RERANKERS
from glimmer.models.values import Pairs

WIDTH, LENGTHS = 16, torch.tensor([2, 4, 3])
SIZES = {"layers": 4, "width": WIDTH, "heads": 2, "head_width": 8, "feed_forward": 32, "dropout": 0.0}


def encoder(name: str, live_layers: int = 3, **options: int) -> T5Encoder:
    torch.manual_seed(0)
    made = ENCODERS.build(ENCODERS.configure(name, **SIZES, **options), vocabulary=20, live_layers=live_layers)
    INITIALISERS.build(INITIALISERS.configure("t5"))(made)
    assert isinstance(made, T5Encoder)
    return made


def pairs() -> States:
    """Three pairs of a question and a passage: 6, 7 and 9 tokens long."""
    torch.manual_seed(1)
    return States(torch.randn(3, 9, WIDTH), torch.arange(9) < torch.tensor([6, 7, 9])[:, None])


def in_passage(states: States) -> Tensor:
    return states.mask & (torch.arange(9) >= LENGTHS[:, None])


def in_question() -> Tensor:
    return torch.arange(9) < LENGTHS[:, None]


def test_passages_keep_their_memory_and_questions_read_them() -> None:
    states, one_way = pairs(), encoder("one_way")
    read = one_way.run(states, 1, 4, LENGTHS)
    passages, questions = in_passage(states), in_question()
    assert torch.equal(read.values[passages], states.values[passages])
    other = States(torch.where(passages[..., None], -states.values, states.values), states.mask)
    difference = (one_way.run(other, 1, 4, LENGTHS).values - read.values)[questions].abs().amax(-1)
    assert (difference > 1e-3).all()


def test_it_is_a_t5_whose_passages_are_put_back_after_every_layer() -> None:
    states, one_way, plain = pairs(), encoder("one_way"), encoder("t5")
    expected = states
    for layer in (1, 2, 3):
        values = plain.run(expected, layer, layer + 1, LENGTHS).values
        expected = States(torch.where(in_question()[..., None], values, states.values), states.mask)
    torch.testing.assert_close(one_way.run(states, 1, 4, LENGTHS).values, expected.values)


def test_layers_after_the_one_way_ones_and_rows_alone_are_as_in_t5() -> None:
    states, plain = pairs(), encoder("t5")
    none, first = encoder("one_way", one_way_layers=0), encoder("one_way", one_way_layers=1)
    assert torch.equal(none.run(states, 1, 4, LENGTHS).values, plain.run(states, 1, 4, LENGTHS).values)
    assert torch.equal(first.run(states, 0, 4, None).values, plain.run(states, 0, 4, None).values)
    halfway = first.run(states, 1, 2, LENGTHS)
    assert torch.equal(first.run(states, 1, 4, LENGTHS).values, plain.run(halfway, 2, 4, LENGTHS).values)


def test_more_one_way_layers_than_live_ones_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"encoder\.one_way_layers = 3 is more than model\.live_layers = 2"):
        encoder("one_way", live_layers=2, one_way_layers=3)
    assert isinstance(encoder("one_way", live_layers=2, one_way_layers=2), OneWayEncoder)


def test_heads_that_attend_evenly_score_the_mean_of_the_real_tokens() -> None:
    states = pairs()
    head = RERANKERS.build(RERANKERS.configure("multi_head", heads=2), width=WIDTH)
    with torch.no_grad():
        head.attention.weight.zero_()
        head.value.weight[1] = -head.value.weight[0]
        head.value.bias.copy_(torch.tensor([1.0, 3.0]))
        opposite = head.score(Pairs(states, torch.arange(3), torch.zeros(3), LENGTHS))
        torch.testing.assert_close(opposite, torch.full((3,), 2.0))
        head.value.weight[1] = head.value.weight[0]
        scores = head.score(Pairs(states, torch.arange(3), torch.zeros(3), LENGTHS))
        tokens = head.norm(states.values) @ head.value.weight[0]
    means = [tokens[row, : int(count)].mean() + 2 for row, count in enumerate(states.mask.sum(1))]
    torch.testing.assert_close(scores, torch.stack(means))
