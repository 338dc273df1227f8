"""Residual product quantisation of stored memory: every stage codes what the stages before it leave.

Residual quantisation (Juang and Gray 1982; with a beam, Babenko and Lempitsky 2014) of every subspace. As a stage has
codes for a subspace as a whole, loud directions get more bits than quiet ones, which product quantisation cannot give.

Legend: N tokens, D width, G subspaces, W = D / G dimensions of each, M stages, C codes of each, B codings of a beam.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from glimmer.memory.codecs.base import register_codec, require_finite
from glimmer.memory.codecs.codebooks import lookup, nearest
from glimmer.memory.codecs.kmeans import fit_codebooks
from glimmer.memory.codecs.packing import pack, packed_bytes, unpack
from glimmer.memory.codecs.product import CODEBOOKS, ProductCodec, ProductConfig
from glimmer.options import option

WIDTH = 128
"""Dimensions of a subspace by default."""


@dataclass(kw_only=True)
class ResidualConfig(ProductConfig):
    """Options of residual product quantisation."""

    subspaces: int | None = option(None, f"g, the subspaces; null = as many as there are {WIDTH} dimensions", least=1)
    stages: int | None = option(None, "Codes of a subspace; null = as many as give one bit a dimension", least=1)
    beam: int = option(4, "Codings of a subspace that are kept from stage to stage while it is encoded", least=1)

    def cut(self, width: int) -> int:
        """G, the subspaces of a vector of so many dimensions.

        Raises:
            ConfigError: they are not of equal width.
        """
        count = self.subspaces or max(1, width // WIDTH)
        self.require(width % count == 0, "subspaces", f"a number that divides the {width} dimensions")
        return count


@register_codec("residual", ResidualConfig)
class ResidualCodec(ProductCodec):
    """M codes of every subspace, whose vectors add up to it.

    A row is its codes of ⌈log2 C⌉ bits, those of the first subspace first, packed as
    ``glimmer.memory.codecs.packing`` says.
    """

    config: ResidualConfig

    def __init__(self, config: ResidualConfig, width: int) -> None:
        super().__init__(config, width)
        self.stages = config.stages or max(1, width // self.subspaces // config.bits)

    @property
    def columns(self) -> int:
        """Bytes of the packed codes."""
        return packed_bytes(self.subspaces * self.stages, self.config.bits)

    @property
    def shapes(self) -> dict[str, tuple[int | None, ...]]:
        """``[G, M, C, W]``."""
        return {CODEBOOKS: (self.subspaces, self.stages, self.config.codes, self.width // self.subspaces)}

    def encode(self, states: Tensor, token_ids: Tensor) -> Tensor:
        """Search for the codes that leave least.

        Raises:
            StoreError: a state is infinite or no number, or there are no codebooks.
        """
        require_finite(states, self.config.name)
        codebooks = self.learned(CODEBOOKS)
        parts = states.float().view(len(states), *self._cut)
        found = [search(parts[:, g], codebook, self.config.beam) for g, codebook in enumerate(codebooks)]
        return pack(torch.cat(found, 1), self.config.bits)

    def decode(self, rows: Tensor, lengths: Sequence[int]) -> Tensor:
        """Look the codes up, and add."""
        codebooks = self.learned(CODEBOOKS)
        codes = unpack(rows, self.subspaces * self.stages, self.config.bits)
        codes += torch.arange(codes.shape[1], dtype=codes.dtype) * self.config.codes
        table = codebooks.view(-1, codebooks.shape[-1])
        return functional.embedding_bag(codes.view(-1, self.stages), table, mode="sum").view(len(rows), self.width)

    @property
    def _cut(self) -> tuple[int, int]:
        """``(G, W)``."""
        return self.subspaces, self.width // self.subspaces

    def _learn(self, states: Tensor) -> dict[str, Tensor]:
        parts = states.float().view(len(states), *self._cut)
        return {CODEBOOKS: torch.stack([self._stages(parts[:, g]) for g in range(self.subspaces)])}

    def _stages(self, vectors: Tensor) -> Tensor:
        """The codebooks ``[M, C, W]`` of one subspace ``[N, W]``."""
        found = []
        for _ in range(self.stages):
            codebook = fit_codebooks(vectors, self.config, 1, self.config.seed)
            vectors = vectors - lookup(nearest(vectors, codebook), codebook)
            found.append(codebook[0])
        return torch.stack(found)


@torch.no_grad()
def search(vectors: Tensor, codebooks: Tensor, beam: int) -> Tensor:
    """The codes ``[N, M]`` of ``vectors [N, W]``: of each stage's ``codebooks [M, C, W]`` one, nearest in sum.

    Of every vector the best ``beam`` codings of the stages so far are kept; 1 is the greedy search.
    """
    count = len(vectors)
    rest = vectors  # [N · B, W], what each coding leaves, those of a vector side by side
    codes = torch.empty(count, 0, dtype=torch.long)
    beams = 1
    for codebook in codebooks:
        # |rest − c|², but for rounding
        products = torch.addmm(codebook.square().sum(-1), rest, codebook.T, alpha=-2)
        left = products.add_(rest.square().sum(-1, keepdim=True)).view(count, beams * len(codebook))
        best = left.topk(min(beam, left.shape[1]), largest=False).indices
        first = torch.arange(count)[:, None] * beams
        before, code = (first + best // len(codebook)).flatten(), (best % len(codebook)).flatten()
        rest = rest.index_select(0, before).sub_(codebook.index_select(0, code))
        codes = torch.cat([codes.index_select(0, before), code[:, None]], 1)
        beams = best.shape[1]
    return codes.view(count, beams, len(codebooks))[:, 0]
