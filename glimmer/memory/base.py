"""What every memory does: give the states of passages after the memory layers.

Legend: P passages, T tokens, D width.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from torch import Tensor, nn

from glimmer.data.values import Batch, States, Tokens
from glimmer.memory.cache import PassageCache
from glimmer.memory.codecs import Codec
from glimmer.memory.fingerprint import Fingerprint
from glimmer.registry import ComponentConfig, Registry

T = TypeVar("T")

Encode = Callable[[Tokens], States]
"""Runs the memory layers: ``[P, T]`` tokens to their raw residual stream ``[P, T, D]``."""


class Ranks(Protocol):
    """What a memory may ask of the processes that train as one; all of them must ask alike."""

    def gather(self, value: T) -> list[T]:
        """The value of every rank, on every rank; plain types and CPU tensors."""
        ...

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over the ranks, which takes the place of ``tensor``."""
        ...


class Memory(nn.Module, ABC):
    """Gives passage states, computed now or read from a store."""

    ahead: int = 0
    """Batches beyond the one at work that ``expect`` is to be told of; 0 = none."""
    cache: PassageCache | None = None
    """The passages that are kept; None where none is."""

    def __init__(self, config: ComponentConfig, text_fingerprint: str) -> None:
        """``text_fingerprint`` stands for everything that turns a passage into token ids."""
        super().__init__()
        self.config = config
        self.text_fingerprint = text_fingerprint

    def allocate(self, width: int) -> None:
        """Called once when the reader is composed, before ``prepare``: make the buffers that states of D need."""

    def prepare(self, modules: Sequence[nn.Module], fingerprint: Callable[[], Fingerprint]) -> None:
        """Called once when the reader is composed, with the modules that make the memory.

        ``fingerprint`` tells of the memory that they make, once their weights are in place.
        """

    def check(self) -> None:
        """Called once the weights are in place, before training begins: refuse a memory that they did not make."""

    def expect(self, batches: Sequence[Batch]) -> None:
        """Called in training with the batches that come next, in order, in place of all that was expected before.

        They lie on the CPU. None of them is sure to come, and others may; at the end of training there are none.
        """

    def learn(self, ranks: Ranks) -> None:
        """Called after every update of the parameters: learn from what went through since the last."""

    @classmethod
    def codec_config(cls, config: ComponentConfig) -> ComponentConfig | None:
        """The options of the codec that memory of these options is stored by; None where that is any raw one."""
        return None

    def codec(self) -> Codec | None:
        """The codec that gives these memories back from a store as they are; None where that is any raw one.

        Raises:
            GlimmerError: what it needs is not learned yet.
        """
        return None

    @abstractmethod
    def forward(self, encode: Encode, passages: Tokens, passage_ids: tuple[str, ...]) -> States:
        """The memory ``[P, T, D]`` of every passage: the raw residual stream after the last memory layer."""


MEMORIES: Registry[Memory] = Registry("memory", Memory)
register_memory = MEMORIES.register
