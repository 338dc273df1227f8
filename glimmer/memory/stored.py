"""Memory that is read from a store (LUMEN; GLIMMER at inference)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from glimmer.data.values import States, Tokens
from glimmer.errors import ConfigError
from glimmer.memory.base import Encode, Memory, register_memory
from glimmer.memory.fingerprint import fingerprint
from glimmer.memory.online import freeze
from glimmer.memory.store import MemoryStore
from glimmer.registry import ComponentConfig, option


@dataclass(kw_only=True)
class StoredConfig(ComponentConfig):
    """Options of stored memory."""

    path: str = option("", "Folder of the store, made by `glimmer encode`")

    def __post_init__(self) -> None:
        if not self.path:
            raise ConfigError("memory.path is needed by stored memory: the folder of a store made by `glimmer encode`")


@register_memory("stored", StoredConfig)
class StoredMemory(Memory):
    """Read memories back; the encoder runs on questions alone."""

    def __init__(self, config: StoredConfig, text_fingerprint: str) -> None:
        super().__init__(config, text_fingerprint)
        self.store = MemoryStore(Path(config.path))
        self._modules_of_memory: tuple[nn.Module, ...] = ()
        self._layers = 0
        self._trusted = False

    def prepare(self, modules: Sequence[nn.Module], layers: int) -> None:
        """Freeze what decides the memory: a stored memory cannot follow it."""
        self._modules_of_memory, self._layers = tuple(modules), layers
        freeze(modules)

    def forward(self, encode: Encode, passages: Tokens, passage_ids: tuple[str, ...]) -> States:
        """Read ``[P, T, D]``; the first read compares fingerprints, once the weights are in place."""
        if not self._trusted:
            wanted = fingerprint(self._modules_of_memory, self._layers, self.text_fingerprint)
            self.store.require(wanted)
            self._trusted = True
        states = self.store.read(passage_ids)
        device = passages.ids.device
        return States(states.values.to(device), states.mask.to(device))
