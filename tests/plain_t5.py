"""T5 v1.1 once more, with nothing of glimmer's in it: one row at a time, no padding, no cache, in float64.

The facts are the papers' (T5, 1910.10683; T5 1.1): a root-mean-square norm without mean or bias before every part, no
1/√d in attention, one table of relative positions for all layers of a stack, gated GELU, and an output that is scaled
by width^-0.5 where it is the embedding. Weights go by the names of the module that is checked.

Legend: T tokens, S source tokens, D width, H heads.
"""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

Weights = dict[str, Tensor]


def weights_of(module: nn.Module) -> Weights:
    """A module's parameters in float64."""
    return {name: parameter.detach().double() for name, parameter in module.state_dict().items()}


def bucket(distance: int, buckets: int, max_distance: int, bidirectional: bool) -> int:
    """The bucket of ``key − query``: half of them exact, the other half by equal ratios up to ``max_distance``."""
    if bidirectional:
        half = buckets // 2
        return bucket(-abs(distance), half, max_distance, False) + (half if distance > 0 else 0)
    exact, back = buckets // 2, max(0, -distance)
    if back < exact:
        return back
    # Whole numbers: back / exact ≥ (max_distance / exact) ^ (i / ratios), with roots and quotients multiplied away.
    ratios = buckets - exact
    return max(exact + i for i in range(ratios) if back**ratios * exact**i >= max_distance**i * exact**ratios)


def positions(table: Tensor, queries: int, keys: int, max_distance: int, bidirectional: bool) -> Tensor:
    """The bias ``[H, T, S]`` of a table ``[buckets, H]``."""
    rows = [[bucket(k - q, len(table), max_distance, bidirectional) for k in range(keys)] for q in range(queries)]
    return table[torch.tensor(rows)].permute(2, 0, 1)


def norm(states: Tensor, gain: Tensor) -> Tensor:
    """``x / √(mean x² + 10⁻⁶) · g``."""
    return states / torch.sqrt((states**2).mean(-1, keepdim=True) + 1e-6) * gain


def gelu_new(states: Tensor) -> Tensor:
    """The tanh approximation of GELU."""
    return 0.5 * states * (1 + torch.tanh(math.sqrt(2 / math.pi) * (states + 0.044715 * states**3)))


def attention(w: Weights, at: str, states: Tensor, source: Tensor, bias: Tensor) -> Tensor:
    """Attend from ``[T, D]`` to ``[S, D]`` head by head; ``bias [H, T, S]`` is −∞ where nothing may be seen."""
    query, key = states @ w[f"{at}.query.weight"].T, source @ w[f"{at}.key.weight"].T
    value = source @ w[f"{at}.value.weight"].T
    width = query.shape[1] // len(bias)
    shared = len(bias) // (key.shape[1] // width)
    mixed = []
    for head in range(len(bias)):
        own, of = slice(head * width, (head + 1) * width), slice(head // shared * width, (head // shared + 1) * width)
        mixed.append(torch.softmax(query[:, own] @ key[:, of].T + bias[head], dim=-1) @ value[:, of])
    return torch.cat(mixed, dim=1) @ w[f"{at}.output.weight"].T


def feed_forward(w: Weights, at: str, states: Tensor) -> Tensor:
    """``(gelu(x W) ⊙ x V) O``."""
    gated = gelu_new(states @ w[f"{at}.inner.weight"].T) * (states @ w[f"{at}.gate.weight"].T)
    return gated @ w[f"{at}.output.weight"].T


def encoder_layers(w: Weights, layers: Iterable[int], table: str, states: Tensor, max_distance: int = 128) -> Tensor:
    """Some layers of the encoder on the raw residual stream ``[T, D]``; ``table`` names their position table."""
    bias = positions(w[f"{table}.weight"], len(states), len(states), max_distance, bidirectional=True)
    for at in (f"blocks.{i}" for i in layers):
        normed = norm(states, w[f"{at}.attention_norm.weight"])
        states = states + attention(w, f"{at}.attention", normed, normed, bias)
        states = states + feed_forward(w, f"{at}.feed_forward", norm(states, w[f"{at}.feed_forward_norm.weight"]))
    return states


def decode(w: Weights, targets: Tensor, source: Tensor, max_distance: int = 128) -> Tensor:
    """Logits ``[T, V]`` of ``targets [T]`` given ``source [S, D]``, behind the start token 0."""
    states = w["embedding.weight"][torch.cat([targets.new_zeros(1), targets[:-1]])]
    length = len(states)
    bias = positions(w["relative_attention_bias.weight"], length, length, max_distance, bidirectional=False)
    bias = bias + bias.new_full((length, length), -math.inf).triu(1)
    unplaced = bias.new_zeros(len(bias), length, len(source))
    layers = 1 + max(int(name.split(".")[1]) for name in w if name.startswith("blocks."))
    for at in (f"blocks.{i}" for i in range(layers)):
        normed = norm(states, w[f"{at}.attention_norm.weight"])
        states = states + attention(w, f"{at}.attention", normed, normed, bias)
        if f"{at}.cross_norm.weight" in w:
            normed = norm(states, w[f"{at}.cross_norm.weight"])
            states = states + attention(w, f"{at}.cross_attention", normed, source, unplaced)
        states = states + feed_forward(w, f"{at}.feed_forward", norm(states, w[f"{at}.feed_forward_norm.weight"]))
    states = norm(states, w["final_norm.weight"])
    if "output.weight" in w:
        return states @ w["output.weight"].T
    return states * states.shape[1] ** -0.5 @ w["embedding.weight"].T
