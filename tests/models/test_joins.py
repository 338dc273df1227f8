"""Joins: what a pair holds, and how a mark tells its sides apart."""

import torch
from small_readers import WIDTH

from glimmer.data.values import States
from glimmer.models.joins import JOINS


def states(rows: int, length: int, value: float) -> States:
    return States(torch.full((rows, length, WIDTH), value), torch.ones(rows, length, dtype=torch.bool))


def test_marks_stand_on_the_side_they_belong_to() -> None:
    torch.manual_seed(0)
    join = JOINS.build(JOINS.configure("marked"), width=WIDTH)
    marks = join.get_parameter("marks")
    pairs = join(states(1, 2, 1.0), states(1, 3, 5.0), torch.tensor([[0]]))
    first, second = pairs.states.values[0].split([2, 3])
    assert torch.equal(first, (1.0 + marks[0]).expand(2, -1))
    assert torch.equal(second, (5.0 + marks[1]).expand(3, -1))
    assert pairs.question_lengths.tolist() == [2]


def test_without_marks_it_is_the_prepended_pair() -> None:
    join, plain = (JOINS.build(JOINS.configure(name), width=WIDTH) for name in ("marked", "prepend"))
    torch.nn.init.zeros_(join.get_parameter("marks"))
    sides = states(2, 2, 1.0), states(3, 4, 2.0), torch.tensor([[0, 2], [1, -1]])
    assert torch.equal(join(*sides).states.values, plain(*sides).states.values)
