"""BM25 (Robertson and Zaragoza, 2009) over an inverted index on disk."""

import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from tqdm import tqdm

from glimmer.data.files import content_hash
from glimmer.data.mapped import passages_hash
from glimmer.data.text import plain
from glimmer.data.values import Passage
from glimmer.options import option
from glimmer.retrieval.base import Hits, Retriever, RetrieverConfig, code_of, register_retriever
from glimmer.retrieval.bm25_formula import VARIANTS, Bm25Formula
from glimmer.retrieval.inversion import write_inverted_index
from glimmer.retrieval.inverted_index import InvertedIndex
from glimmer.retrieval.postings_file import PostingsFile

_FUNCTION_WORDS = (  # Lucene's
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this "
    "to was will with"
)
_QUESTION_WORDS = "what which who whom whose when where why how do does did has have had were been can from about than"
STOPWORDS = {"none": frozenset[str](), "en": frozenset(f"{_FUNCTION_WORDS} {_QUESTION_WORDS}".split())}


@dataclass(kw_only=True)
class Bm25Config(RetrieverConfig):
    """Options of BM25."""

    k1: float = option(1.5, "Saturation of the term frequency", least=0)
    b: float = option(0.75, "Normalisation by the passage's length", least=0, most=1)
    method: str = option("lucene", "Variant of the formula", choices=VARIANTS)
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
    """BM25 over title and text, without case and accents.

    The index is kept in the cache folder, or as long as the retriever where there is none. It does not depend on the
    formula: ``k1``, ``b`` and ``method`` are applied when a question is asked.
    """

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
        """A hash of the code that decides what is found, that of the index and of the formula included.

        Raises:
            ConfigError: a module of it has no file.
        """
        parts = [part.__module__ for part in (InvertedIndex, PostingsFile, write_inverted_index)]
        return content_hash(super().code(), code_of(Bm25Formula, Bm25Formula, *parts))

    @cached_property
    def index(self) -> InvertedIndex:
        """The index: opened in the cache folder, or made there."""
        made_of = {
            "code": None if self.cache is None else self.code(),  # an index that is not kept has no earlier version
            "stopwords": self.config.stopwords,
            "plurals": self.config.plurals,
            "passages": passages_hash(self.passages),
        }
        cache = Path(self._temporary.name) if self.cache is None else self.cache
        folder = cache / f"bm25-{content_hash(json.dumps(made_of))}"
        if not folder.exists():
            bar = tqdm(self.passages, desc="index", unit="passage", leave=False, disable=None)
            write_inverted_index(folder, made_of, (self._words(f"{p.title} {p.text}") for p in bar))
        return InvertedIndex(folder, made_of)

    @cached_property
    def _temporary(self) -> "tempfile.TemporaryDirectory[str]":
        """Where an index is that is not to be kept: it goes with this retriever."""
        return tempfile.TemporaryDirectory(prefix="glimmer-bm25-")

    @cached_property
    def _formula(self) -> Bm25Formula:
        c, index = self.config, self.index
        return Bm25Formula(c.method, c.k1, c.b, index.passages, index.mean_length)

    def _words(self, text: str) -> list[str]:
        """The words of a text that are searched for."""
        return [self._spelt(word) for word in plain(text).split() if word not in self._stopwords]

    def _spelt(self, word: str) -> str:
        """A word as the index spells it."""
        return singular(word) if self._plurals else word

    def _rarity(self, word: str) -> float:
        """The inverse document frequency of a word: ln(N / n)."""
        postings = self.index.find(word)
        return 0.0 if postings is None else math.log(self.index.passages / len(postings.rows))

    def _best(self, words: Sequence[str], k: int, among: Sequence[int] | None = None) -> Hits:
        """The best ``k`` passages for words as the index spells them; of the rows ``among`` where they are given."""
        index, formula = self.index, self._formula
        found = {word: postings for word in dict.fromkeys(words) if (postings := index.find(word)) is not None}
        weights = {word: formula.weights(p.counts, index.lengths[p.rows]) for word, p in found.items()}
        known = [word for word in words if word in found]
        scores = np.zeros(index.passages, np.float32)
        held = np.zeros(index.passages, bool)
        for word in known:
            scores[found[word].rows] += weights[word]
            held[found[word].rows] = True
        chosen = np.flatnonzero(held) if among is None else np.array(among)[held[among]]
        if not len(chosen):
            return []
        scores = scores[chosen] + np.array([formula.absent(len(found[word].rows)) for word in known]).sum()
        k = min(k, len(chosen))
        # Everything as good as the k-th, so that ties are decided by order alone.
        best = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
        best = best[np.argsort(-scores[best], kind="stable")][:k]
        return [(int(chosen[i]), float(scores[i])) for i in best]
