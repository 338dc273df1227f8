"""A trained T5 decoder as the beginning of a smaller one: FiDO's, with fewer layers, key-value heads and looks."""

import re
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor

from glimmer.errors import CheckpointError
from glimmer.models.decoders.t5 import T5DecoderConfig
from glimmer.models.grow import spread
from glimmer.models.huggingface.sizes import T5Sizes

DROP, MEAN_HEADS, MEAN = REDUCTIONS = ("drop", "mean_heads", "mean")
_BLOCK = re.compile(r"^decoder\.blocks\.(\d+)\.(.*)$")
_SHARED_HEADS = re.compile(r"attention\.(key|value)\.weight$")


def reduce_decoder(
    tensors: Mapping[str, Tensor], sizes: T5Sizes, config: T5DecoderConfig, how: str | None
) -> tuple[dict[str, Tensor], list[str]]:
    """Make the weights of a decoder that has no more layers, heads and cross-attention than T5's.

    Source: FiDO (arXiv 2212.08153) names such decoders and not how they begin. Here layers go in groups of
    neighbours, of which the first stands for all or all are averaged, and so do the key-value heads (as GQA,
    2305.13245, does it). Cross-attention that the decoder lacks is left out.

    Args:
        tensors: the weights of T5's decoder, by our names; anything else stays as it is.
        sizes: what they are of.
        config: the decoder to begin.
        how: ``drop`` = the first layer and head of each group; ``mean_heads`` = first layer, mean head; ``mean`` =
            both averaged; None = the decoder must be T5's.

    Returns:
        The weights, and one line for every kind of reduction.

    Raises:
        CheckpointError: the decoder has more layers than T5's, or less of something, and ``how`` is None.
    """
    if config.layers > sizes.decoder_layers:
        raise CheckpointError(f"decoder.layers = {config.layers} is more than the {sizes.decoder_layers} it has")
    heads, period = config.key_value_heads or config.heads, config.cross_attention_period
    averaged = "mean" if how in (MEAN_HEADS, MEAN) else "first"
    notes = []
    if config.layers < sizes.decoder_layers:
        of = "mean" if how == MEAN else "first"
        notes.append(f"{config.layers} decoder layers begin as the {of} of each group of {sizes.decoder_layers}")
    if heads < sizes.heads:
        notes.append(f"{heads} key-value heads begin as the {averaged} of each group of {sizes.heads}")
    if period > 1:
        notes.append(f"cross-attention is left out of layers i where (i + 1) mod {period} is not 0")
    if notes and how is None:
        raise CheckpointError(
            f"the decoder is smaller than its T5 ({'; '.join(notes)}); "
            f"trainer.reduce={DROP}, {MEAN_HEADS} or {MEAN} says how it begins, or trainer.fresh=^decoder\\. anew"
        )
    edges = [*spread(config.layers, sizes.decoder_layers), sizes.decoder_layers]
    reduced = {name: value for name, value in tensors.items() if not _BLOCK.match(name)}
    parts = dict.fromkeys(match[2] for name in tensors if (match := _BLOCK.match(name)))
    for layer, (start, stop) in enumerate(pairwise(edges)):
        for part in parts:
            if part.startswith("cross_") and (layer + 1) % period:
                continue
            group = [tensors[f"decoder.blocks.{i}.{part}"] for i in range(start, stop if how == MEAN else start + 1)]
            value = group[0] if len(group) == 1 else torch.stack(list(group)).float().mean(0)
            if _SHARED_HEADS.search(part) and heads < sizes.heads:
                value = _grouped(value, heads, sizes, averaged == "mean")
            reduced[f"decoder.blocks.{layer}.{part}"] = value
    return reduced, notes


def _grouped(weight: Tensor, heads: int, sizes: T5Sizes, mean: bool) -> Tensor:
    """``[H·C, D]`` to ``[G·C, D]``: one head for each group of neighbours."""
    groups = weight.view(heads, sizes.heads // heads, sizes.head_width, -1)
    chosen = groups.float().mean(1) if mean else groups[:, 0]
    return chosen.reshape(heads * sizes.head_width, -1)
