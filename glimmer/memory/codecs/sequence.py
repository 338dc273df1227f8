"""Codecs one after the other: what the first stores, the next compresses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from glimmer.errors import StoreError
from glimmer.memory.codecs.base import CODECS, Arrays, Codec, Sample, register_codec
from glimmer.options import option
from glimmer.registry import ComponentConfig


@dataclass(kw_only=True)
class SequenceConfig(ComponentConfig):
    """Options of a sequence."""

    codecs: dict[str, Any] = option({}, "The codecs in their order, each under a name", components="codec")

    def __post_init__(self) -> None:
        super().__post_init__()
        # A store's manifest has them as plain mappings.
        self.codecs = {
            name: CODECS.configure(**part) if isinstance(part, Mapping) else part for name, part in self.codecs.items()
        }
        self.require(len(self.codecs) > 0, "codecs", "one codec at least")


@register_codec("sequence", SequenceConfig)
class SequenceCodec(Codec):
    """Several codecs in sequence, such as first_tokens and then int8; all but the last must store float32."""

    config: SequenceConfig

    def __init__(self, config: SequenceConfig, width: int) -> None:
        """Build the parts, each for the width of what stands before it.

        Raises:
            StoreError: a part that others follow stores something else than float32.
        """
        super().__init__(config, width)
        self.parts: dict[str, Codec] = {}
        for name, options in config.codecs.items():
            if self.parts and self._last.storage != torch.float32:
                before = self._last.config.name
                raise StoreError(f"codec {before} stores no float32 values for {options.name} to compress; put it last")
            self.parts[name] = CODECS.build(options, width=self._last.columns if self.parts else width)
        self.storage = self._last.storage

    @property
    def columns(self) -> int:
        """Those of the last."""
        return self._last.columns

    def stored_tokens(self, tokens: int) -> int:
        """What all parts leave of them."""
        for part in self.parts.values():
            tokens = part.stored_tokens(tokens)
        return tokens

    def encode(self, states: Tensor, token_ids: Tensor) -> Tensor:
        """Compress by one after the other."""
        for part in self.parts.values():
            states = part.encode(states, token_ids[: len(states)])
        return states

    def decode(self, rows: Tensor, lengths: Sequence[int]) -> Tensor:
        """Restore in reverse."""
        for part in reversed(self.parts.values()):
            rows = part.decode(rows, lengths)
        return rows

    @property
    def sample(self) -> int:
        """What the part that needs most of them needs."""
        return max(part.sample for part in self.parts.values())

    def fit(self, sample: Sample) -> None:
        """Fit every part to what those before it make of the sample."""
        for part in self.parts.values():
            if part.sample:
                part.fit(sample)
            if part is not self._last:
                stored = ((part.encode(states, token_ids), token_ids) for states, token_ids in sample)
                sample = [(states, token_ids[: len(states)]) for states, token_ids in stored]

    def arrays(self) -> Arrays:
        """Those of the parts, as ``PART.ARRAY``."""
        return {f"{name}.{key}": array for name, part in self.parts.items() for key, array in part.arrays().items()}

    def load(self, arrays: Arrays) -> None:
        """Give every part its own.

        Raises:
            StoreError: some are of no part.
        """
        given: dict[str, dict[str, Any]] = {name: {} for name in self.parts}
        for key, array in arrays.items():
            name, _, own = key.partition(".")
            if name not in given:
                raise StoreError(f"the codec sequence has the parts {', '.join(given)}, found the array {key}")
            given[name][own] = array
        for name, part in self.parts.items():
            part.load(given[name])

    @property
    def _last(self) -> Codec:
        return next(reversed(self.parts.values()))
