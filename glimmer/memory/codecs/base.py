"""What every codec does: states to stored rows, and back.

Legend: T tokens, D width, C stored columns.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from glimmer.errors import StoreError
from glimmer.registry import ComponentConfig, Registry

Arrays = Mapping[str, NDArray[Any]]
"""What a codec has learned, by name; a store keeps each as a file of its own."""
Sample = Sequence[tuple[Tensor, Tensor]]
"""Passages: their states ``[T, D]`` and token ids ``[T]``."""


class Codec(ABC):
    """Turns a passage's states ``[T, D]`` into stored rows ``[T', C]`` of its first T' tokens, and back.

    One that learns is fitted to a sample of states, or given what another of its configuration has learned.
    """

    storage: torch.dtype
    """The type of a stored element."""

    def __init__(self, config: ComponentConfig, width: int) -> None:
        self.config = config
        self.width = width

    @property
    @abstractmethod
    def columns(self) -> int:
        """C, stored elements a token."""

    @property
    def bytes_per_token(self) -> int:
        """Stored bytes of each token that is stored."""
        return self.columns * self.storage.itemsize

    def stored_tokens(self, tokens: int) -> int:
        """T', how many of a passage's ``tokens`` are stored, from the first on."""
        return tokens

    @abstractmethod
    def encode(self, states: Tensor, token_ids: Tensor) -> Tensor:
        """Compress a passage's ``[T, D]``, the states of the tokens ``[T]``.

        Raises:
            StoreError: a state cannot be stored so, or the codec has still to learn.
        """

    @abstractmethod
    def decode(self, rows: Tensor, lengths: Sequence[int]) -> Tensor:
        """Restore float32 ``[N, D]`` of whole passages, one after the other, of which so many tokens each are stored.

        What is restored of a passage does not depend on those beside it.
        """

    @property
    def sample(self) -> int:
        """How many stored tokens ``fit`` wants to see; 0 where there is nothing to learn, or nothing any more."""
        return 0

    def fit(self, sample: Sample) -> None:
        """Learn from passages; the same sample gives the same result.

        Raises:
            StoreError: the codec cannot learn from it.
        """
        raise StoreError(f"the codec {self.config.name} has nothing to learn")

    def arrays(self) -> Arrays:
        """What has been learned."""
        return {}

    def load(self, arrays: Arrays) -> None:
        """Take what ``arrays`` of such a codec gave.

        Raises:
            StoreError: they are those of another codec.
        """
        if arrays:
            raise StoreError(f"the codec {self.config.name} has no arrays, found {', '.join(sorted(arrays))}")


CODECS: Registry[Codec] = Registry("codec", Codec)
register_codec = CODECS.register


def require_finite(states: Tensor, codec: str) -> None:
    """Refuse states that no integer can stand for.

    Raises:
        StoreError: a state is infinite or no number.
    """
    if not states.isfinite().all():
        raise StoreError(f"a state is infinite or NaN, which codec {codec} cannot store; look at the run that made it")
