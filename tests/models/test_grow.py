"""A grown reader computes what the shallow one did, scores included, and its new layers learn."""

import pytest
import torch
from small_readers import small_batch, small_reader

from glimmer.errors import CheckpointError
from glimmer.models.grow import grow, spread
from glimmer.models.reader import Reader
from glimmer.models.weights import assign_weights


def grown(shallow: Reader, deep: Reader, source: tuple[int, int], target: tuple[int, int]) -> Reader:
    weights = {name: p.detach() for name, p in shallow.named_parameters()}
    assign_weights(deep, grow(weights, dict(deep.named_parameters()), source, target), "shallow", "first_token")
    return deep


def test_layers_spread_with_the_first_in_front() -> None:
    assert spread(2, 8) == [0, 4]
    assert spread(3, 4) == [0, 1, 2]


def test_a_grown_reader_computes_the_same() -> None:
    shallow = small_reader(layers=3, live=2, rerank=1, seed=1)
    deep = grown(shallow, small_reader(layers=7, live=4, rerank=1, seed=2), (1, 2), (3, 4))
    batch = small_batch()
    before, after = shallow(batch), deep(batch)
    assert torch.equal(after.ranking.scores, before.ranking.scores)
    assert torch.equal(after.logits, before.logits)
    after.logits.sum().backward()
    assert deep.get_parameter("encoder.blocks.1.feed_forward.output.weight").grad.abs().sum() > 0  # type: ignore[union-attr]


def test_a_part_cannot_lose_layers() -> None:
    shallow = small_reader(layers=4, live=2)
    with pytest.raises(CheckpointError, match="2 memory and 2 live"):
        grown(shallow, small_reader(layers=6, live=1), (2, 2), (5, 1))
