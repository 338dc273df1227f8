"""Buckets of relative positions: whatever sizes are accepted, every distance has a bucket, and near ones their own."""

import pytest
import torch

from glimmer.errors import ConfigError
from glimmer.models.decoders import T5DecoderConfig
from glimmer.models.encoders import T5EncoderConfig
from glimmer.models.t5.attention import RelativePositionBias


@pytest.mark.parametrize("max_distance", [1, 2, 3, 4, 5, 9, 17, 128])
@pytest.mark.parametrize("buckets", [0, 1, 2, 3, 4, 5, 7, 16, 32])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_what_is_accepted_can_be_computed_and_what_is_refused_cannot(
    bidirectional: bool, buckets: int, max_distance: int
) -> None:
    least = 4 if bidirectional else 2
    distance = torch.arange(-300, 301)
    try:
        (T5EncoderConfig if bidirectional else T5DecoderConfig)(buckets=buckets, max_distance=max_distance)
    except ConfigError:
        # Near distances have a bucket each; there must be one of them, and room beyond them.
        assert buckets < least or max_distance <= buckets // least
        return
    found = RelativePositionBias(1, buckets, max_distance, bidirectional).bucket(distance)
    assert 0 <= int(found.min()) <= int(found.max()) < buckets
    past = found[:300].flip(0)  # of distances -1, -2, …
    assert bool((past.diff() >= 0).all())
    exact = buckets // least
    assert past[: exact - 1].tolist() == list(range(1, exact))
