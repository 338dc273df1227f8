"""Codebooks learned from a sample: drawn as k-means++ does, moved by k-means, rare codes drawn again.

Legend: N vectors, K, M codes, W width of a subspace, G subspaces, C codes of each.
"""

import torch
from torch import Tensor

from glimmer.memory.codecs.codebooks import CodebookConfig, nearest


def fit_codebooks(sample: Tensor, config: CodebookConfig, subspaces: int, seed: int = 0) -> Tensor:
    """Learn codebooks ``[G, C, W]`` from vectors ``[N, D]``, one subspace after the other.

    A subspace that has no more distinct vectors than codes gets all of them, and loses nothing.
    """
    generator = torch.Generator().manual_seed(seed)
    parts = sample.float().view(len(sample), subspaces, -1)
    return torch.stack([_fit(parts[:, number], config, generator) for number in range(subspaces)])


def draw(vectors: Tensor, count: int, rounds: int, generator: torch.Generator, known: Tensor | None = None) -> Tensor:
    """Draw ``[M, W]`` of ``vectors [N, W]`` as k-means++ does, but several a round.

    Each is drawn in proportion to its squared distance from the nearest of those drawn in earlier rounds and of
    ``known [K, W]``; the first of all evenly. When no vector is left at a distance, the rest are drawn evenly.
    """
    drawn: list[Tensor] = []
    if known is None or not len(known):
        known = vectors[_even(1, len(vectors), generator)]
        drawn.append(known)
    distance = _distance(vectors, known)
    least = count - sum(map(len, drawn))
    share = -(-least // rounds) if least else 1
    while (missing := count - sum(map(len, drawn))) > 0:
        weights = distance.double().cpu()
        available = int((weights > 0).sum())
        if not available:
            drawn.append(vectors[_even(missing, len(vectors), generator)])
            break
        rows = torch.multinomial(weights, min(share, missing, available), generator=generator)
        drawn.append(vectors[rows.to(vectors.device)])
        distance = torch.minimum(distance, _distance(vectors, drawn[-1]))
    return torch.cat(drawn)


def _fit(vectors: Tensor, config: CodebookConfig, generator: torch.Generator) -> Tensor:
    distinct = torch.unique(vectors, dim=0)
    if len(distinct) <= config.codes:
        # Copies of the first take the places that are left, and are never the nearest: the first of equals is.
        return torch.cat([distinct, distinct[:1].expand(config.codes - len(distinct), -1)])
    codebook = draw(vectors, config.codes, config.rounds, generator)
    for number in range(config.iterations):
        codebook, used = move(codebook, vectors, nearest(vectors, codebook[None])[:, 0])
        if number + 1 < config.iterations:  # what is drawn last would not be moved any more
            rare = used < config.rare * len(vectors) / config.codes
            codebook = redraw(codebook, rare, vectors, config.rounds, generator)
    return codebook


def move(codebook: Tensor, vectors: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
    """The codebook ``[C, W]`` with every code at the mean of its ``vectors [N, W]``, and the uses ``[C]`` of the codes.

    ``codes`` ``[N]`` are the vectors'; a code without any stays where it is.
    """
    used = torch.bincount(codes, minlength=len(codebook))
    sums = torch.zeros_like(codebook).index_add_(0, codes, vectors)
    return torch.where(used[:, None] > 0, sums / used.clamp(min=1)[:, None], codebook), used


def redraw(codebook: Tensor, rare: Tensor, vectors: Tensor, rounds: int, generator: torch.Generator) -> Tensor:
    """The codebook ``[C, W]`` with the codes of the mask ``rare [C]`` drawn anew from ``vectors``."""
    count = int(rare.sum())
    if not count:
        return codebook
    codebook = codebook.clone()
    codebook[rare] = draw(vectors, count, rounds, generator, codebook[~rare])
    return codebook


def _distance(vectors: Tensor, codes: Tensor) -> Tensor:
    """Squared distances ``[N]`` to the nearest of ``codes [M, W]``; exactly 0 where a vector is one of them."""
    found = nearest(vectors, codes[None])[:, 0]
    return (vectors - codes[found]).square().sum(1)


def _even(count: int, among: int, generator: torch.Generator) -> Tensor:
    return torch.randint(among, (count,), generator=generator)
