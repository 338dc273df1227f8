"""Product quantisation of stored memory (MEMORY-VQ): packed codes, and the codebooks that they point into."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from glimmer.errors import StoreError
from glimmer.memory.codecs.base import Arrays, Codec, Sample, register_codec, require_finite
from glimmer.memory.codecs.codebooks import CodebookConfig, lookup, nearest
from glimmer.memory.codecs.kmeans import fit_codebooks
from glimmer.memory.codecs.packing import pack, packed_bytes, unpack
from glimmer.options import option

CODEBOOKS = "codebooks"
"""The name of the learned array, float32 ``[G, C, W]``."""


@dataclass(kw_only=True)
class ProductConfig(CodebookConfig):
    """Options of product quantisation."""

    seed: int = option(0, "Seed of the codebooks and of the tokens that they are learned from", least=0)


@register_codec("product", ProductConfig)
class ProductCodec(Codec):
    """Product quantisation: every subspace of a state as the code of the nearest vector of its codebook.

    A row is its g codes of ⌈log2 C⌉ bits, packed as ``glimmer.memory.codecs.packing`` says.
    """

    config: ProductConfig
    storage = torch.uint8

    def __init__(self, config: ProductConfig, width: int) -> None:
        super().__init__(config, width)
        self.subspaces = config.cut(width)
        self._learned: dict[str, Tensor] = {}

    @property
    def columns(self) -> int:
        """Bytes of the packed codes."""
        return packed_bytes(self.subspaces, self.config.bits)

    @property
    def shapes(self) -> dict[str, tuple[int | None, ...]]:
        """The shapes of the learned arrays, all float32, by name; None for any number."""
        return {CODEBOOKS: (self.subspaces, self.config.codes, self.width // self.subspaces)}

    def learned(self, name: str) -> Tensor:
        """A learned array.

        Raises:
            StoreError: nothing is learned yet.
        """
        if not self._learned:
            raise StoreError(
                f"the codec {self.config.name} has no codebooks yet; fit it to a sample of states, or load them"
            )
        return self._learned[name]

    def encode(self, states: Tensor, token_ids: Tensor) -> Tensor:
        """Find the nearest codes and pack them.

        Raises:
            StoreError: a state is infinite or no number, or there are no codebooks.
        """
        require_finite(states, self.config.name)
        return pack(nearest(states, self.learned(CODEBOOKS)), self.config.bits)

    def decode(self, rows: Tensor, lengths: Sequence[int]) -> Tensor:
        """Look the codes up."""
        return lookup(unpack(rows, self.subspaces, self.config.bits), self.learned(CODEBOOKS))

    @property
    def sample(self) -> int:
        """What the codebooks are drawn from, until there are some."""
        return 0 if self._learned else self.config.sample

    def fit(self, sample: Sample) -> None:
        """Learn the codebooks from random tokens of the sample, where it has more than are wanted.

        Raises:
            StoreError: there is no state, or one is infinite or no number.
        """
        states = torch.cat([*(states for states, _ in sample), torch.empty(0, self.width)])
        if len(states) > self.config.sample:
            generator = torch.Generator().manual_seed(self.config.seed)
            states = states[torch.randperm(len(states), generator=generator)[: self.config.sample]]
        require_finite(states, self.config.name)
        if not len(states):
            raise StoreError(
                f"the codec {self.config.name} has no states to learn its codebooks from; encode one passage at least"
            )
        self._learned = self._learn(states)

    def _learn(self, states: Tensor) -> dict[str, Tensor]:
        """The arrays, from states ``[N, D]``."""
        return {CODEBOOKS: fit_codebooks(states, self.config, self.subspaces, self.config.seed)}

    def arrays(self) -> Arrays:
        """What has been learned, once it is."""
        return {name: array.cpu().numpy() for name, array in self._learned.items()}

    def load(self, arrays: Arrays) -> None:
        """Take what such a codec has learned.

        Raises:
            StoreError: there is nothing, or something of another shape.
        """
        fits = arrays.keys() == self.shapes.keys() and all(
            arrays[name].dtype == np.float32 and _has_shape(arrays[name].shape, shape)
            for name, shape in self.shapes.items()
        )
        if not fits:
            needs = ", ".join(f"the array {name}, float32 of {shape}" for name, shape in self.shapes.items())
            found = {name: (array.dtype.name, array.shape) for name, array in arrays.items()}
            raise StoreError(f"the codec {self.config.name} needs {needs}; found {found}")
        self._learned = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


def _has_shape(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    """Whether every number is the wanted one, where one is."""
    return len(shape) == len(wanted) and all(w is None or n == w for n, w in zip(shape, wanted, strict=True))
