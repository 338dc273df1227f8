"""Memory that is encoded on the fly: trained with the reader (GLIMMER), or frozen."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glimmer.data.values import States, Tokens
from glimmer.memory.base import Encode, Memory, register_memory
from glimmer.memory.cache import PassageCache
from glimmer.memory.content import contents_of
from glimmer.memory.fingerprint import Fingerprint
from glimmer.options import option
from glimmer.registry import ComponentConfig


@dataclass(kw_only=True)
class OnlineConfig(ComponentConfig):
    """Options of memory encoded now."""

    frozen: bool = option(
        False, "Freeze the embedding and the memory layers, so that memory may be stored before training (LUMEN)"
    )
    cache_bytes: int = option(
        0,
        "Bytes of frozen states that every process keeps, on its device, of the passages encoded last, so that they "
        "are not encoded again",
        least=0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.frozen or not self.cache_bytes, "cache_bytes", "0 where memory is not frozen: it changes")


@register_memory("online", OnlineConfig)
class OnlineMemory(Memory):
    """Encode every distinct passage of the batch, with gradients unless frozen."""

    def __init__(self, config: OnlineConfig, text_fingerprint: str) -> None:
        super().__init__(config, text_fingerprint)
        self.frozen = config.frozen
        self.cache = PassageCache(config.cache_bytes) if config.cache_bytes else None
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
        with self._as_if_stored():
            if self.cache is None or not len(passages.ids):
                return encode(passages)
            made_by = self._made_by(passages.ids.device.type)
            keys = [(made_by, content) for content in contents_of(passages)]
            return self.cache.read(keys, lambda rows: _encode_packed(encode, passages, rows))

    @contextmanager
    def _as_if_stored(self) -> Iterator[None]:
        training = [part for module in self._modules_of_memory for part in module.modules() if part.training]
        for part in training:
            part.training = False
        try:
            with torch.no_grad():
                yield
        finally:
            for part in training:
                part.training = True

    def _made_by(self, device: str) -> int:
        """Stands for the weights, which are set anew when a checkpoint is loaded, and the arithmetic."""
        weights = [weight for module in self._modules_of_memory for weight in module.parameters()]
        versions = tuple((weight.data_ptr(), weight._version) for weight in weights)
        return hash((device, torch.is_autocast_enabled(device), versions))


def _encode_packed(encode: Encode, passages: Tokens, rows: list[int]) -> tuple[Tensor, list[int]]:
    """The states of some passages, one after the other, and their lengths.

    On a CPU each is encoded alone: what stood beside it would decide its rounding, and a resumed run, which has nothing
    kept yet, would go on to other bits.
    """
    lengths = passages.mask.sum(1)[rows].tolist()
    at_once = 1 if passages.ids.device.type == "cpu" else max(1, len(rows))
    packed = []
    for start in range(0, len(rows), at_once):
        some, longest = rows[start : start + at_once], max(lengths[start : start + at_once])
        states = encode(Tokens(passages.ids[some, :longest], passages.mask[some, :longest]))
        packed.append(states.values[states.mask])
    return torch.cat(packed), lengths


def freeze(modules: Sequence[nn.Module]) -> None:
    """Take modules out of training."""
    for module in modules:
        module.requires_grad_(False)
