"""The formula of BM25 (Robertson and Zaragoza, 2009) in five variants, as Kamphuis et al. (ECIR 2020) tell them apart.

A passage p has for a query q the score Σ over the words w of q of idf(w) · saturation(tf), where tf is how often p
holds w. Where saturation(0) is not 0 (Lv and Zhai, 2011), passages without the word have a score for it too.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DELTA = 0.5
"""What bm25l and bm25+ add, so that long passages are not put behind those without the word."""

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Variant:
    """What tells a variant from the others."""

    idf: Callable[[int, int], float]
    """n passages of N hold the word → its inverse document frequency."""
    saturation: Callable[[Floats, Floats, float], Floats]
    """Frequencies of a word, lengths relative to the mean (as ``b`` has them count), and k1 → from 0 to a limit."""
    absent: Callable[[float], float] = lambda k1: 0.0
    """k1 → saturation(0)."""


def _ratio(n: int, N: int) -> float:
    return (N - n + 0.5) / (n + 0.5)


def _robertson(tf: Floats, length: Floats, k1: float) -> Floats:
    return tf / (k1 * length + tf)


def _atire(tf: Floats, length: Floats, k1: float) -> Floats:
    return tf * (k1 + 1) / (tf + k1 * length)


def _bm25l(tf: Floats, length: Floats, k1: float) -> Floats:
    relative = tf / length
    return (k1 + 1) * (relative + DELTA) / (k1 + relative + DELTA)


VARIANTS = {
    "lucene": Variant(lambda n, N: math.log(1 + _ratio(n, N)), _robertson),
    "robertson": Variant(lambda n, N: math.log(max(1.0, _ratio(n, N))), _robertson),
    "atire": Variant(lambda n, N: math.log(N / n), _atire),
    "bm25l": Variant(lambda n, N: math.log((N + 1) / (n + 0.5)), _bm25l, lambda k1: (k1 + 1) * DELTA / (k1 + DELTA)),
    "bm25+": Variant(
        lambda n, N: math.log((N + 1) / n), lambda tf, length, k1: _atire(tf, length, k1) + DELTA, lambda k1: DELTA
    ),
}


@dataclass(frozen=True)
class Bm25Formula:
    """A variant with its parameters, for a collection."""

    method: str
    k1: float
    """How slowly the frequency saturates."""
    b: float
    """How much the length counts, 0 to 1."""
    passages: int
    mean_length: float
    """Words of a passage."""

    def weights(self, counts: NDArray[np.integer[Any]], lengths: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """What a word adds to the score of every passage that holds it, beyond ``absent``.

        Args:
            counts: ``[n]``, how often each of the n passages holds it.
            lengths: ``[n]``, their words.
        """
        length = 1 - self.b + self.b * lengths / self.mean_length
        variant = VARIANTS[self.method]
        saturation = variant.saturation(counts.astype(np.float32), length, self.k1)
        # Arithmetic in float64 between numbers rounded to float32: the scores of the library bm25s to the last bit.
        gained = np.float32(variant.idf(len(counts), self.passages)) * saturation - self.absent(len(counts))
        return gained.astype(np.float32)

    def absent(self, holders: int) -> np.float32:
        """What a word that so many passages hold adds to the score of every passage."""
        variant = VARIANTS[self.method]
        return np.float32(variant.idf(holders, self.passages) * variant.absent(self.k1))
