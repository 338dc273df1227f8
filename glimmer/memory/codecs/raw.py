"""Raw storage: the states themselves, in one of the float types."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from glimmer.errors import StoreError
from glimmer.memory.codecs.base import Codec, register_codec
from glimmer.options import option
from glimmer.registry import ComponentConfig

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(kw_only=True)
class RawConfig(ComponentConfig):
    """Options of raw storage."""

    dtype: str = option("bfloat16", "bfloat16, float16 or float32", choices=DTYPES)


@register_codec("raw", RawConfig)
class RawCodec(Codec):
    """The states themselves, in one of the float types."""

    config: RawConfig

    def __init__(self, config: RawConfig, width: int) -> None:
        super().__init__(config, width)
        self.storage = DTYPES[config.dtype]

    @property
    def columns(self) -> int:
        """One element a dimension."""
        return self.width

    def encode(self, states: Tensor, token_ids: Tensor) -> Tensor:
        """Cast to the storage type.

        Raises:
            StoreError: a state is too large for it.
        """
        rows = states.to(self.storage)
        if not rows.isfinite().all():
            raise StoreError(
                f"a state of {states.abs().max():.3g} does not fit codec.dtype={self.config.dtype}, which ends at "
                f"{torch.finfo(self.storage).max:.3g}; use bfloat16 or float32"
            )
        return rows

    def decode(self, rows: Tensor, lengths: Sequence[int]) -> Tensor:
        """Cast back to float32."""
        return rows.float()
