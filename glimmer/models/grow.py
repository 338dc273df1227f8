"""Grow a trained encoder in depth without changing what it computes (function-preserving: Net2Net, 1511.05641)."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from glimmer.errors import CheckpointError

_BLOCK = re.compile(r"^encoder\.blocks\.(\d+)\.")
_OUTPUTS = ("attention.output.weight", "feed_forward.output.weight")
"""Where a block adds to the residual stream; with zeros there it is the identity."""


def spread(layers: int, slots: int) -> list[int]:
    """Where ``layers`` layers stand among ``slots`` in the same order: the first in front, the others evenly behind."""
    return [layer * slots // layers for layer in range(layers)]


def grow(
    tensors: Mapping[str, Tensor], fresh: Mapping[str, Tensor], source: tuple[int, int], target: tuple[int, int]
) -> dict[str, Tensor]:
    """Turn the weights of a shallow split encoder into those of a deeper one with the same outputs.

    Memory layers stay memory layers and live layers stay live, the first live layer in front, so that the states
    which a score reads are those that it was trained on. The new layers are those of ``fresh`` with nothing to add.

    Args:
        tensors: the shallow reader's weights.
        fresh: initial weights of the deep reader, by the same names.
        source: memory and live layers of the shallow encoder.
        target: memory and live layers of the deep one.

    Raises:
        CheckpointError: a part would have to lose layers.
    """
    if any(new < old or (new > 0 and old == 0) for old, new in zip(source, target, strict=True)):
        raise CheckpointError(
            f"an encoder of {source[0]} memory and {source[1]} live layers cannot grow into one of {target[0]} and "
            f"{target[1]}; each part can only gain layers, and must have one to begin with"
        )
    places = spread(source[0], target[0]) if source[0] else []
    places += [target[0] + place for place in spread(source[1], target[1])] if source[1] else []
    grown = {name: value for name, value in tensors.items() if not _BLOCK.match(name)}
    for name, value in tensors.items():
        if match := _BLOCK.match(name):
            grown[f"encoder.blocks.{places[int(match[1])]}.{name[match.end() :]}"] = value
    for name, value in fresh.items():
        if (match := _BLOCK.match(name)) and int(match[1]) not in places:
            grown[name] = torch.zeros_like(value) if name.endswith(_OUTPUTS) else value.detach().clone()
    return grown
