"""T5 attention: no 1/√d scaling, no biases, an additive relative position bias.

Legend: N rows, T queries, S keys, H heads, G key-value heads, C head width, D width.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glimmer.options import Options


class RelativePositionBias(nn.Module):
    """A learned bias per head and bucket of relative distance (T5: 32 buckets, maximum distance 128).

    One table serves all layers of a stack; it is the only notion of position that T5 has, which is why states
    of a passage alone can be stored and joined to a question later.
    """

    def __init__(self, heads: int, buckets: int, max_distance: int, bidirectional: bool) -> None:
        super().__init__()
        self.buckets, self.max_distance, self.bidirectional = buckets, max_distance, bidirectional
        self.weight = nn.Parameter(torch.empty(buckets, heads))

    def bucket(self, distance: Tensor) -> Tensor:
        """Map ``key − query`` distances to bucket numbers: exact when near, logarithmic when far."""
        buckets, offset = self.buckets, torch.zeros_like(distance)
        if self.bidirectional:
            buckets //= 2
            offset = (distance > 0).long() * buckets
            distance = distance.abs()
        else:
            distance = (-distance).clamp(min=0)
        exact = buckets // 2
        scaled = torch.log(distance.clamp(min=1).float() / exact) / math.log(self.max_distance / exact)
        far = (exact + (scaled * (buckets - exact)).long()).clamp(max=buckets - 1)
        return offset + torch.where(distance < exact, distance, far)

    def forward(self, queries: int, keys: int, first_query: int = 0) -> Tensor:
        """``[1, H, T, S]`` for queries at positions ``first_query …`` and keys at ``0 …``."""
        device = self.weight.device
        query = torch.arange(first_query, first_query + queries, device=device)
        distance = torch.arange(keys, device=device)[None, :] - query[:, None]
        return self.weight[self.bucket(distance)].permute(2, 0, 1)[None]


def require_buckets(options: Options, buckets: int, max_distance: int, bidirectional: bool) -> None:
    """Refuse what ``RelativePositionBias.bucket`` cannot divide into near and far.

    Raises:
        OptionError: names the one of ``options`` that is too small.
    """
    least = 4 if bidirectional else 2  # near and far, and both once for each direction
    options.require(buckets >= least, "buckets", f"at least {least}")
    exact = buckets // least
    options.require(max_distance > exact, "max_distance", f"at least {exact + 1} where buckets is {buckets}")


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, dropout: float) -> Tensor:
    """``softmax(q·k + bias)·v`` for ``[N, H, T, C]`` and ``[N, G, S, C]``; ``bias`` broadcasts to ``[N, H, T, S]``.

    While gradients are recorded on a CPU the products are explicit where its fused kernel is no gain: its backward pass
    in bf16 costs more than the whole of them, and with dropout or a learned bias it is not used at all.
    """
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    if bias is not None:
        bias = bias.to(query.dtype)
    explicit = torch.is_grad_enabled() and query.device.type == "cpu"
    if explicit and query.dtype == torch.float32 and not dropout:
        explicit = bias is not None and bias.requires_grad
    if not explicit:
        return F.scaled_dot_product_attention(query, key, value, bias, dropout_p=dropout, scale=1.0)
    scores = query @ key.transpose(-1, -2)
    if bias is not None:
        scores = scores + bias
    # A CPU's bf16 softmax sums in fp32 by itself; casts round it would cost more than the softmax.
    weights = torch.softmax(scores, dim=-1).to(value.dtype)
    if dropout:  # as an argument, ``dropout > 0`` would break a compiled layer in pieces
        weights = F.dropout(weights, dropout)
    return weights @ value


def product_type(tensor: Tensor) -> torch.dtype:
    """Autocast's type where that is on, else the tensor's own: of this type a masked bias must be made.

    The lowest float32 is no bf16, and cast it would be −inf: a row without a single real token would be NaN.
    """
    device = tensor.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else tensor.dtype


def mask_bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn a boolean mask into an additive one: 0 where True, the lowest finite number elsewhere.

    Finite, so that a row without a single real token stays finite too; its result is masked by the reader.
    """
    return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, torch.finfo(dtype).min)


class Attention(nn.Module):
    """Multi-head attention; with fewer key-value heads it is grouped or multi-query attention (FiDO)."""

    def __init__(
        self, width: int, source_width: int, heads: int, key_value_heads: int, head_width: int, dropout: float
    ) -> None:
        super().__init__()
        self.heads, self.key_value_heads, self.head_width, self.dropout = heads, key_value_heads, head_width, dropout
        self.query = nn.Linear(width, heads * head_width, bias=False)
        self.key = nn.Linear(source_width, key_value_heads * head_width, bias=False)
        self.value = nn.Linear(source_width, key_value_heads * head_width, bias=False)
        self.output = nn.Linear(heads * head_width, width, bias=False)

    def keys_values(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Project ``source [N, S, D]`` to keys and values ``[N, G, S, C]``, contiguous per head."""
        shape = (*source.shape[:2], self.key_value_heads, self.head_width)
        key = self.key(source).view(shape).transpose(1, 2)
        value = self.value(source).view(shape).transpose(1, 2)
        return key.contiguous(), value.contiguous()

    def forward(self, states: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
        """Attend from ``states [N, T, D]`` to projected keys and values."""
        rows, length, _ = states.shape
        query = self.query(states).view(rows, length, self.heads, self.head_width).transpose(1, 2)
        mixed = attend(query, key, value, bias, self.dropout if self.training else 0.0)
        return self.output(mixed.transpose(1, 2).reshape(rows, length, self.heads * self.head_width))  # type: ignore[no-any-return]
