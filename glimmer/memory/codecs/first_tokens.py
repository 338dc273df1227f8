"""Keeping the memory of a passage's first tokens alone (MEMORY-VQ's baseline LUMEN-Light)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from glimmer.memory.codecs.base import Codec, register_codec
from glimmer.options import option
from glimmer.registry import ComponentConfig


@dataclass(kw_only=True)
class FirstTokensConfig(ComponentConfig):
    """Options of keeping the first tokens."""

    count: int = option(32, "n, the tokens of a passage that are kept", least=1)


@register_codec("first_tokens", FirstTokensConfig)
class FirstTokensCodec(Codec):
    """The first tokens of a passage in float32; in a sequence, what the next codec stores of them."""

    config: FirstTokensConfig
    storage = torch.float32

    @property
    def columns(self) -> int:
        """One element a dimension."""
        return self.width

    def stored_tokens(self, tokens: int) -> int:
        """At most n."""
        return min(tokens, self.config.count)

    def encode(self, states: Tensor, token_ids: Tensor) -> Tensor:
        """Drop all tokens but the first n."""
        return states[: self.config.count].to(self.storage)

    def decode(self, rows: Tensor, lengths: Sequence[int]) -> Tensor:
        """The states as they are."""
        return rows
