"""T5's own initial weights."""

import torch
from torch import nn

from glimmer.models.initialisers.base import Initialiser, register_initialiser
from glimmer.models.t5.attention import Attention, RelativePositionBias
from glimmer.models.t5.feed_forward import FeedForward


@register_initialiser("t5")
class T5Initialiser(Initialiser):
    """T5's own: every product keeps unit variance without a 1/√d in attention."""

    @torch.no_grad()
    def __call__(self, module: nn.Module) -> None:
        """Set embeddings, attention, feed-forward and other linear layers."""
        layers = [part for part in module.modules() if isinstance(part, Attention | FeedForward)]
        inside = {linear for layer in layers for linear in layer.modules()}
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
            elif isinstance(part, nn.Linear) and part not in inside:
                nn.init.normal_(part.weight, std=part.in_features**-0.5)
                if part.bias is not None:
                    nn.init.zeros_(part.bias)
