"""What a codec has learned, such as codebooks: arrays by name, which a store keeps as files of their own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray
from torch import Tensor

from glimmer.memory.codecs import Codec

Arrays = Mapping[str, NDArray[Any]]


@runtime_checkable
class Learns(Protocol):
    """What a codec has beside the rest that learns from states."""

    @property
    def sample(self) -> int:
        """How many stored tokens ``fit`` wants to see; 0 where there is nothing to learn, or nothing any more."""

    def fit(self, sample: Sequence[Tensor]) -> None:
        """Learn from passages' states ``[T, D]``."""

    def arrays(self) -> Arrays:
        """What has been learned."""

    def load(self, arrays: Arrays) -> None:
        """Take what ``arrays`` of such a codec gave."""


def arrays_of(codec: Codec) -> Arrays:
    """What ``codec`` has learned, nothing of one that does not learn."""
    return codec.arrays() if isinstance(codec, Learns) else {}


def give_arrays(codec: Codec, arrays: Arrays) -> None:
    """Let ``codec`` take what was learned before.

    Raises:
        StoreError: it is that of another codec.
    """
    if isinstance(codec, Learns):
        codec.load(arrays)


def stored_tokens(codec: Codec, tokens: int) -> int:
    """How many of a passage's ``tokens`` are stored."""
    count: Callable[[int], int] = getattr(codec, "stored_tokens", lambda given: given)
    return count(tokens)
