"""Memory that is encoded on the fly: trained with the reader (GLIMMER), or frozen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from glimmer.data.values import States, Tokens
from glimmer.memory.base import Encode, Memory, register_memory
from glimmer.memory.fingerprint import Fingerprint
from glimmer.options import option
from glimmer.registry import ComponentConfig


@dataclass(kw_only=True)
class OnlineConfig(ComponentConfig):
    """Options of memory encoded now."""

    frozen: bool = option(
        False, "Freeze the embedding and the memory layers, so that memory may be stored before training (LUMEN)"
    )


@register_memory("online", OnlineConfig)
class OnlineMemory(Memory):
    """Encode every distinct passage of the batch, with gradients unless frozen."""

    def __init__(self, config: OnlineConfig, text_fingerprint: str) -> None:
        super().__init__(config, text_fingerprint)
        self.frozen = config.frozen
        self._modules_of_memory: tuple[nn.Module, ...] = ()

    def prepare(self, modules: Sequence[nn.Module], fingerprint: Callable[[], Fingerprint]) -> None:
        """Freeze what decides the memory, when asked to."""
        self._modules_of_memory = tuple(modules)
        if self.frozen:
            freeze(modules)

    def forward(self, encode: Encode, passages: Tokens, passage_ids: tuple[str, ...]) -> States:
        """Run the memory layers; frozen memory has neither gradients nor dropout, as if it came from a store."""
        if not self.frozen:
            return encode(passages)
        training = [part for module in self._modules_of_memory for part in module.modules() if part.training]
        for part in training:
            part.training = False
        try:
            with torch.no_grad():
                return encode(passages)
        finally:
            for part in training:
                part.training = True


def freeze(modules: Sequence[nn.Module]) -> None:
    """Take modules out of training."""
    for module in modules:
        module.requires_grad_(False)
