"""Optimised product quantisation of stored memory (OPQ, Ge et al. 2013): states are rotated before they are cut.

Legend: N tokens, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from glimmer.memory.codecs.base import register_codec
from glimmer.memory.codecs.product import CODEBOOKS, ProductCodec, ProductConfig
from glimmer.memory.codecs.rotation import fit_rotated
from glimmer.options import option

MEAN, ROTATION = "mean", "rotation"
"""The names of the learned arrays, float32 ``[D]`` and ``[D, D]``."""


@dataclass(kw_only=True)
class OptimisedProductConfig(ProductConfig):
    """Options of optimised product quantisation."""

    turns: int = option(20, "How often rotation and codebooks are fitted in turn, after principal axes", least=0)


@register_codec("optimised_product", OptimisedProductConfig)
class OptimisedProductCodec(ProductCodec):
    """The product quantisation of states less their mean, rotated.

    Rows are those of ``product``. Restored states are the same but for rounding, however many are restored at once.
    """

    config: OptimisedProductConfig

    @property
    def shapes(self) -> dict[str, tuple[int | None, ...]]:
        """The shapes of the learned arrays, all float32, by name."""
        return {MEAN: (self.width,), ROTATION: (self.width, self.width), **super().shapes}

    def encode(self, states: Tensor, token_ids: Tensor) -> Tensor:
        """Rotate the states, find the nearest codes and pack them.

        Raises:
            StoreError: a state is infinite or no number, or nothing is learned yet.
        """
        return super().encode((states.float() - self.learned(MEAN)) @ self.learned(ROTATION), token_ids)

    def decode(self, rows: Tensor, lengths: Sequence[int]) -> Tensor:
        """Look the codes up and rotate back."""
        return torch.addmm(self.learned(MEAN), super().decode(rows, lengths), self.learned(ROTATION).T)

    def _learn(self, states: Tensor) -> dict[str, Tensor]:
        states = states.float()
        mean = states.mean(0)
        config = self.config
        rotation, codebooks = fit_rotated(states - mean, config, self.subspaces, config.turns, config.seed)
        return {MEAN: mean, ROTATION: rotation, CODEBOOKS: codebooks}
