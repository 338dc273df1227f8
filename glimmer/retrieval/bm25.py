"""BM25 (Robertson and Zaragoza, 2009) by the library bm25s."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
from bm25s.stopwords import STOPWORDS_EN
from numpy.typing import NDArray

from glimmer.data.files import content_hash, new_folder
from glimmer.data.text import plain
from glimmer.data.values import Passage
from glimmer.errors import DataError
from glimmer.options import option
from glimmer.retrieval.base import Hits, Retriever, RetrieverConfig, register_retriever

METHODS = ("lucene", "robertson", "atire", "bm25l", "bm25+")
_QUESTION_WORDS = "what which who whom whose when where why how do does did has have had were been can from about than"
STOPWORDS = {"none": frozenset[str](), "en": frozenset([*STOPWORDS_EN, *_QUESTION_WORDS.split()])}


@dataclass(kw_only=True)
class Bm25Config(RetrieverConfig):
    """Options of BM25."""

    k1: float = option(1.5, "Saturation of the term frequency", least=0)
    b: float = option(0.75, "Normalisation by the passage's length", least=0, most=1)
    method: str = option("lucene", "Variant of the formula", choices=METHODS)
    stopwords: str = option("en", "Words that are not searched for: en or none", choices=STOPWORDS)
    plurals: bool = option(False, "Search for plurals and singulars alike (the S stemmer of Harman, 1991)")


def singular(word: str) -> str:
    """An English word without its plural ending (Harman, How effective is suffixing?, 1991)."""
    if word.endswith("ies") and word[-4:-3] not in ("e", "a"):
        return word[:-3] + "y"
    if word.endswith("es") and word[-3:-2] not in ("a", "e", "o"):
        return word[:-1]
    return word[:-1] if word.endswith("s") and word[-2:-1] not in ("u", "s") else word


@register_retriever("bm25", Bm25Config)
class Bm25(Retriever):
    """BM25 over title and text, without case and accents; the index is kept in the cache folder."""

    config: Bm25Config

    def __init__(self, config: Bm25Config, passages: Sequence[Passage], cache: Path | None = None) -> None:
        super().__init__(config, passages, cache)
        self._stopwords = STOPWORDS[config.stopwords]
        self._plurals = config.plurals

    def retrieve(self, queries: Sequence[str], k: int) -> list[Hits]:
        """The best ``k`` passages of every query; passages without a word of it are left out."""
        return [self._best(self._words(query), k) for query in queries]

    @classmethod
    def code(cls) -> str:
        """A hash of the code that decides what is found, the version of bm25s included.

        Raises:
            ConfigError: a module of it has no file.
        """
        return content_hash(super().code(), bm25s.__version__)

    @cached_property
    def _model(self) -> Any:
        """The index: read from the cache folder, or built and kept there."""
        if self.cache is None:
            return self._build()
        settings = [getattr(self.config, key) for key in ("k1", "b", "method", "stopwords", "plurals")]
        key = content_hash(self.code(), repr(settings), *(f"{p.id}\n{p.title}\n{p.text}" for p in self.passages))
        folder = self.cache / f"bm25-{key}"
        if folder.exists():
            return bm25s.BM25.load(folder)
        model = self._build()
        try:
            with new_folder(folder) as made:
                model.save(made, show_progress=False)
        except DataError:
            if not folder.exists():  # or else another process has put the same index there in the meantime
                raise
        return model

    def _build(self) -> Any:
        model = bm25s.BM25(k1=self.config.k1, b=self.config.b, method=self.config.method)
        model.index([self._words(f"{p.title} {p.text}") for p in self.passages], show_progress=False)
        return model

    def _words(self, text: str) -> list[str]:
        """The words of a text that are searched for."""
        return [self._spelt(word) for word in plain(text).split() if word not in self._stopwords]

    def _spelt(self, word: str) -> str:
        """A word as the index spells it."""
        return singular(word) if self._plurals else word

    def _rarity(self, word: str) -> float:
        """The inverse document frequency of a word: ln(N / n)."""
        return math.log(len(self.passages) / len(self._holders(word))) if word in self._model.vocab_dict else 0.0

    def _holders(self, word: str) -> NDArray[np.int32]:
        """The rows of the passages that hold a word of the index."""
        column, index = self._model.vocab_dict[word], self._model.scores
        rows: NDArray[np.int32] = index["indices"][index["indptr"][column] : index["indptr"][column + 1]]
        return rows

    def _best(self, words: Sequence[str], k: int, among: Sequence[int] | None = None) -> Hits:
        """The best ``k`` passages for words as the index spells them; of the rows ``among`` where they are given."""
        known = [word for word in words if word in self._model.vocab_dict]
        if not known:
            return []
        scores: NDArray[np.float32] = self._model.get_scores(known)
        rows = np.arange(len(scores)) if among is None else np.array(among)
        scores = scores[rows]
        k = min(k, len(scores))
        held = np.zeros(len(self.passages), dtype=bool)  # bm25l and bm25+ give the other passages a score too
        held[np.concatenate([self._holders(word) for word in known])] = True
        # Everything as good as the k-th, so that ties are decided by order alone.
        best = np.flatnonzero((scores >= np.partition(scores, -k)[-k]) & held[rows])
        best = best[np.argsort(-scores[best], kind="stable")][:k]
        return [(int(rows[i]), float(scores[i])) for i in best]
