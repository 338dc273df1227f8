"""Eight bits a dimension, with a scale of its own for every token."""

from collections.abc import Sequence

import torch
from torch import Tensor

from glimmer.memory.codecs.base import Codec, register_codec, require_finite
from glimmer.registry import ComponentConfig

LARGEST = 127
"""The largest stored magnitude: −128 is not used, so that the steps are symmetric about 0."""
SCALE = torch.float32
"""The type of the scale, which follows a token's values in its row."""


@register_codec("int8", ComponentConfig)
class Int8Codec(Codec):
    """Eight bits a dimension, and a float32 scale a token: half a step of 1/127 of its largest value off at most.

    A row is D signed bytes and the scale's 4, little-endian; value = byte × scale.
    """

    storage = torch.uint8

    @property
    def columns(self) -> int:
        """A byte a dimension and those of the scale."""
        return self.width + SCALE.itemsize

    def encode(self, states: Tensor, token_ids: Tensor) -> Tensor:
        """Round every value to the nearest of its token's 255 steps.

        Raises:
            StoreError: a state is infinite or no number.
        """
        require_finite(states, self.config.name)
        states = states.to(SCALE)
        scale = states.abs().amax(1, keepdim=True) / LARGEST
        steps = (states / scale.masked_fill(scale == 0, 1.0)).round().clamp(-LARGEST, LARGEST).to(torch.int8)
        return torch.cat([steps.view(torch.uint8), scale.view(torch.uint8)], 1)

    def decode(self, rows: Tensor, lengths: Sequence[int]) -> Tensor:
        """Multiply by the scales."""
        scale = rows[:, self.width :].clone(memory_format=torch.contiguous_format).view(SCALE)  # aligned
        return rows[:, : self.width].view(torch.int8).to(SCALE) * scale
