"""Passages for codecs: states that no token has made, with token ids as they come."""

from collections.abc import Iterable

import torch
from torch import Tensor

from glimmer.memory import Codec


def with_ids(passages: Iterable[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Passages' states ``[T, D]``, each with token ids ``[T]`` that count from 0."""
    return [(states, torch.arange(len(states))) for states in passages]


def encoded(codec: Codec, states: Tensor) -> Tensor:
    """The rows of a passage's ``states [T, D]``, whose token ids count from 0."""
    return codec.encode(states, torch.arange(len(states)))


def decoded(codec: Codec, rows: Tensor) -> Tensor:
    """What a codec makes of a passage's ``rows``."""
    return codec.decode(rows, [len(rows)])
