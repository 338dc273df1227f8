"""Rotations under which subspaces are quantised with less loss (optimised product quantisation, Ge et al. 2013).

Legend: N vectors, D width, G subspaces, C codes of each, W = D / G.
"""

import torch
from torch import Tensor

from glimmer.memory.codecs.codebooks import CodebookConfig, lookup, nearest
from glimmer.memory.codecs.kmeans import fit_codebooks, move

LEAST = 1e-12
"""Smaller eigenvalues count as this share of the largest: a dimension without variance has no logarithm."""


def fit_rotated(
    vectors: Tensor, config: CodebookConfig, subspaces: int, turns: int, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Learn a rotation ``[D, D]`` of centred vectors ``[N, D]``, and codebooks ``[G, C, W]`` of what it makes of them.

    The rotation is ``balanced`` first. In each of ``turns``, it becomes the best for the codes that vectors have, and
    the codes move to the means of what is then theirs.
    """
    rotation = balanced(vectors, subspaces)
    codebooks = fit_codebooks(vectors @ rotation, config, subspaces, seed)
    for _ in range(turns):
        codes = nearest(vectors @ rotation, codebooks)
        rotation = procrustes(vectors, lookup(codes, codebooks))
        parts = (vectors @ rotation).view(len(vectors), subspaces, -1)
        moved = (move(book, parts[:, number], codes[:, number])[0] for number, book in enumerate(codebooks))
        codebooks = torch.stack([*moved])
    return rotation, codebooks


def balanced(vectors: Tensor, subspaces: int) -> Tensor:
    """Principal axes ``[D, D]`` dealt out to subspaces so that the products of their variances are alike.

    The best rotation for normally distributed vectors, which are to be centred.
    """
    exact = vectors.double()
    variances, axes = torch.linalg.eigh(exact.T @ exact)
    logs = variances.clamp(min=LEAST * float(variances.max().clamp(min=LEAST))).log()
    sizes = (logs - logs.min()).tolist()  # none below 0: a product never shrinks
    dealt: list[list[int]] = [[] for _ in range(subspaces)]
    for axis in sorted(range(len(sizes)), key=lambda axis: -sizes[axis]):
        free = [own for own in dealt if len(own) < len(sizes) // subspaces]
        min(free, key=lambda own: sum(sizes[i] for i in own)).append(axis)
    rotation: Tensor = axes[:, [axis for own in dealt for axis in own]]
    return rotation.float()


def procrustes(vectors: Tensor, targets: Tensor) -> Tensor:
    """The rotation ``[D, D]`` (or reflection) that brings ``vectors`` nearest to ``targets``, both ``[N, D]``."""
    left, _, right = torch.linalg.svd(vectors.double().T @ targets.double())
    rotation: Tensor = left @ right
    return rotation.float()
