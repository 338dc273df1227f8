"""Product quantisation (MEMORY-VQ): a vector is cut into subspaces, each coded by the nearest vector of its codebook.

Legend: N vectors, D width, G subspaces (g), W = D / G dimensions of each, C codes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from glimmer.errors import ConfigError
from glimmer.options import option
from glimmer.registry import ComponentConfig

FEWEST, MOST = 16, 65_536
"""Limits of C: codes of 4 to 16 bits."""
BLOCK = 1 << 20
"""How many distances are held at once: so many stay in a processor's cache."""

DIRECT = "donot_use_mm_for_euclid_dist"
"""Distances of differences, not by a product of matrices."""


@dataclass(kw_only=True)
class CodebookConfig(ComponentConfig):
    """Sizes of codebooks, and how they are first drawn and kept in use."""

    codes: int = option(256, "C, the codes of a subspace; MEMORY-VQ: 65,536", least=FEWEST, most=MOST)
    subspaces: int | None = option(
        None, "g, the subspaces; null = as many as give one bit a dimension, MEMORY-VQ's rate", least=1
    )
    sample: int = option(65_536, "Tokens that the codebooks are drawn from", least=1)
    rounds: int = option(
        16, "Rounds in which k-means++ draws the codes; as many as there are codes is k-means++ itself", least=1
    )
    iterations: int = option(10, "Iterations of k-means after the codes are drawn", least=0)
    rare: float = option(
        0.05, "Codes used less than this share of an even use are drawn again, as at first", least=0, below=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.sample >= self.codes, "sample", f"at least codes = {self.codes}")

    @property
    def bits(self) -> int:
        """Bits of a code."""
        return (self.codes - 1).bit_length()

    def cut(self, width: int) -> int:
        """G, the subspaces of a vector of so many dimensions.

        Raises:
            ConfigError: they are not of equal width.
        """
        count = self.subspaces or width // self.bits
        if not count or width % count or (self.subspaces is None and width % self.bits):
            nearest = min((n for n in range(1, width + 1) if width % n == 0), key=lambda n: abs(n - count))
            into = f"{self.subspaces} subspaces" if self.subspaces else f"subspaces of {self.bits}, a code's bits"
            raise ConfigError(f"subspaces: {width} dimensions are not cut evenly into {into}; use subspaces={nearest}")
        return count


def lookup(codes: Tensor, codebooks: Tensor) -> Tensor:
    """The vectors ``[N, D]`` that codes ``[N, G]`` stand for in ``codebooks [G, C, W]``."""
    subspaces, count, width = codebooks.shape
    rows = codes + torch.arange(subspaces, dtype=codes.dtype, device=codes.device) * count
    return functional.embedding(rows, codebooks.view(-1, width)).view(len(codes), subspaces * width)


@torch.no_grad()
def nearest(vectors: Tensor, codebooks: Tensor) -> Tensor:
    """The codes ``[N, G]`` (int64) of the nearest vectors by squared distance; the first of equal ones.

    It is the true nearest in float32's numbers, however they are cut into blocks: see ``_nearest``.
    """
    subspaces, count, width = codebooks.shape
    parts = vectors.float().view(len(vectors), subspaces, width)
    codes = torch.empty(len(vectors), subspaces, dtype=torch.long, device=vectors.device)
    rows = max(1, BLOCK // count)
    with torch.autocast(vectors.device.type, enabled=False):
        for number, codebook in enumerate(codebooks):
            for start in range(0, len(vectors), rows):
                codes[start : start + rows, number] = _nearest(parts[start : start + rows, number], codebook)
    return codes


def _nearest(vectors: Tensor, codebook: Tensor) -> Tensor:
    """The codes ``[N]`` of ``vectors [N, W]`` in ``codebook [C, W]``.

    By |c|² / 2 − v·c, both taken from the codebook's mean, as a dimension far from 0 would drown the differences. Where
    another code comes as near as rounding can reach, the distances themselves decide, in float64.
    """
    mean = codebook.mean(0)
    centred, codes_centred = vectors - mean, codebook - mean
    norms = codes_centred.square().sum(1) / 2
    scores = torch.addmm(norms, centred, codes_centred.T, alpha=-1)
    least, codes = scores.min(1)
    reach = 4 * (codebook.shape[1] + 2) * torch.finfo(scores.dtype).eps * (centred.square().sum(1) + norms[codes])
    unclear = scores.scatter_(1, codes[:, None], torch.inf).amin(1) <= least + reach
    if bool(unclear.any()):
        codes[unclear] = torch.cdist(vectors[unclear].double(), codebook.double(), compute_mode=DIRECT).argmin(1)
    return codes
