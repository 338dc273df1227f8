"""T5's root-mean-square norm and feed-forward layers."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def _gelu(states: Tensor) -> Tensor:
    return F.gelu(states, approximate="tanh")


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gated_gelu": _gelu,
    "gelu": _gelu,
    "relu": F.relu,
}


class RMSNorm(nn.Module):
    """``x / √(mean x² + ε) · g``, the statistics in float32 whatever the input's type."""

    def __init__(self, width: int, epsilon: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, states: Tensor) -> Tensor:
        """Normalise the last dimension."""
        scale = torch.rsqrt(states.float().square().mean(-1, keepdim=True) + self.epsilon)
        return self.weight * (states.float() * scale).to(self.weight.dtype)


class FeedForward(nn.Module):
    """T5 v1.1's gated GELU feed-forward, or the plain one of T5 1.0."""

    def __init__(self, width: int, hidden: int, activation: str, dropout: float) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.gated = activation.startswith("gated")
        self.inner = nn.Linear(width, hidden, bias=False)
        self.gate = nn.Linear(width, hidden, bias=False) if self.gated else None
        self.output = nn.Linear(hidden, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor) -> Tensor:
        """Map ``[…, D]`` to ``[…, D]``."""
        hidden = self.activation(self.inner(states))
        if self.gate is not None:
            hidden = hidden * self.gate(states)
        return self.output(self.dropout(hidden))  # type: ignore[no-any-return]
