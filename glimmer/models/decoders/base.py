"""What every decoder offers: teacher forcing, and one step at a time with a cache."""

from abc import ABC, abstractmethod
from typing import Protocol

from torch import Tensor, nn

from glimmer.errors import ConfigError
from glimmer.models.values import Source
from glimmer.registry import Registry


class Cache(Protocol):
    """What a decoder remembers between steps."""

    def reorder(self, rows: Tensor) -> None:
        """Keep the history of ``rows [B·R]``, in this order; the source stays that of each question."""
        ...


class Decoder(nn.Module, ABC):
    """Turns the fused source states of a question into an answer."""

    start_id: int
    """The token that begins every answer (T5: padding)."""

    @abstractmethod
    def forward(self, targets: Tensor, encoded: Source, wanted: Tensor | None = None) -> Tensor:
        """Logits ``[B, Tt, V]`` of ``targets [B, Tt]`` given ``encoded [B, S, D]``, teacher-forced.

        With a mask ``wanted [B, Tt]`` they are ``[N, V]``, of the N tokens alone where it is True, row by row: a
        vocabulary costs as much as all layers of a small decoder, and most of a batch's targets may be padding.
        """

    def source_attention(self, targets: Tensor, source: Tensor) -> Tensor:
        """Logits ``[N, T, S]`` (float32) of one head of the cross-attention to ``source [N, S, D]``, teacher-forced.

        Raises:
            ConfigError: the decoder has no such head (the default).
        """
        raise ConfigError(f"{type(self).__name__} has no cross-attention that criterion evidence_attention can teach")

    @abstractmethod
    def start(self, encoded: Source, beams: int) -> Cache:
        """Project the source once, for ``beams`` answers a question."""

    @abstractmethod
    def step(self, tokens: Tensor, cache: Cache) -> Tensor:
        """Logits ``[B·R, V]`` after the next ``tokens [B·R]``; extends the cache."""


DECODERS: Registry[Decoder] = Registry("decoder", Decoder)
register_decoder = DECODERS.register
