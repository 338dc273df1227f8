"""How a reader's weights begin when no checkpoint gives them."""

import math
from collections.abc import Callable

import torch
from torch import nn

from glimmer.models.decoders.t5 import T5DecoderLayer
from glimmer.models.encoders.t5 import T5EncoderLayer
from glimmer.models.t5.attention import Attention, RelativePositionBias
from glimmer.models.t5.feed_forward import FeedForward


@torch.no_grad()
def t5(module: nn.Module) -> None:
    """T5's own initialisation: every product keeps unit variance without a 1/√d in attention."""
    for part in module.modules():
        if isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, std=1.0)
        elif isinstance(part, Attention):
            width = part.query.in_features
            nn.init.normal_(part.query.weight, std=(width * part.head_width) ** -0.5)
            nn.init.normal_(part.key.weight, std=part.key.in_features**-0.5)
            nn.init.normal_(part.value.weight, std=part.value.in_features**-0.5)
            nn.init.normal_(part.output.weight, std=(part.heads * part.head_width) ** -0.5)
        elif isinstance(part, FeedForward):
            nn.init.normal_(part.inner.weight, std=part.inner.in_features**-0.5)
            if part.gate is not None:
                nn.init.normal_(part.gate.weight, std=part.gate.in_features**-0.5)
            nn.init.normal_(part.output.weight, std=part.output.in_features**-0.5)
        elif isinstance(part, RelativePositionBias):
            nn.init.normal_(part.weight, std=part.weight.shape[1] ** -0.5 * part.weight.shape[0] ** -0.5)
        elif isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.normal_(part.weight, std=part.in_features**-0.5)
            nn.init.zeros_(part.bias)


@torch.no_grad()
def copy_path(module: nn.Module) -> None:
    """T5's initialisation with the copy path open, for small readers trained from nothing.

    A token that the decoder attends to passes through as itself (cross-attention's output is the transpose of its
    orthogonal value projection), equal tokens find each other (encoder self-attention's key is its query), and two
    heads look back from the start: one at the previous token, one at the few before it. Every layer but
    cross-attention begins by adding little, 1/√(2·layers) of T5's, or the token would drown in a deep stack.
    """
    t5(module)
    for stack in (T5EncoderLayer, T5DecoderLayer):
        layers = [part for part in module.modules() if isinstance(part, stack)]
        for layer in layers:
            for linear in (layer.attention.output, layer.feed_forward.output):
                linear.weight.mul_((2 * len(layers)) ** -0.5)
    for part in module.modules():
        if isinstance(part, T5DecoderLayer) and part.cross_attention is not None:
            cross = part.cross_attention
            nn.init.orthogonal_(cross.value.weight)
            if cross.value.weight.shape == cross.output.weight.T.shape:
                cross.output.weight.copy_(cross.value.weight.T)
        elif isinstance(part, T5EncoderLayer):
            attention = part.attention
            scale = math.sqrt(attention.head_width) ** -0.5
            nn.init.normal_(attention.query.weight, std=attention.query.in_features**-0.5 * scale)
            attention.key.weight.copy_(attention.query.weight)
        elif isinstance(part, RelativePositionBias):
            part.weight.zero_()
            heads = part.weight.shape[1]
            distances = part.bucket(torch.arange(-4, 0))
            if heads > 1:
                part.weight[distances[-1], 0] = 4.0
            if heads > 2:
                part.weight[distances, 1] = 3.0


INITIALISERS: dict[str, Callable[[nn.Module], None]] = {"t5": t5, "copy_path": copy_path}
