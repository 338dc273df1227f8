"""Several retrievers as one, by reciprocal rank fusion (Cormack et al., SIGIR 2009) or by their scores."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimmer.data.files import content_hash
from glimmer.data.values import Passage, Record
from glimmer.options import OptionError, option
from glimmer.retrieval.base import RETRIEVERS, Hits, Retriever, RetrieverConfig, register_retriever

METHODS = ("reciprocal_rank", "score")


@dataclass(kw_only=True)
class FusionConfig(RetrieverConfig):
    """Options of the fusion."""

    of: dict[str, Any] = option({}, "The retrievers, at least two, each under a name", components="retriever")
    method: str = option(
        "reciprocal_rank",
        "What is summed: 1 / (constant + rank), or each retriever's score, standardised for every question",
        choices=METHODS,
    )
    constant: float = option(60.0, "A passage at rank r gets 1 / (constant + r), r from 1", least=0)
    depth: int = option(100, "Passages that are taken from each retriever, at least as many as are wanted", least=1)
    weights: dict[str, float] = option({}, "Factors on what retrievers give, by their names; 1 where none is given")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(len(self.of) >= 2, "of", "two retrievers at least")
        for name, weight in self.weights.items():
            if name not in self.of:
                raise OptionError(f"weights.{name}", f"is of none of the retrievers {', '.join(self.of)}")
            self.require(weight >= 0, "weights", "at least 0 each")


@register_retriever("fusion", FusionConfig)
class Fusion(Retriever):
    """Passages by the sum of their reciprocal ranks in several rankings, or of their scores.

    - ``reciprocal_rank``: score(p) = Σ over retrievers of weight / (constant + rank of p); a retriever that does not
      find p gives nothing. Scores need not be alike.
    - ``score``: score(p) = Σ over retrievers of weight × z(p), where z are the retriever's scores of all passages that
      any of them finds for the question, made to have mean 0 and variance 1; a passage that it does not find has the
      lowest score that it gives one. Scores that are all equal say nothing: their z is 0.
    """

    config: FusionConfig

    def __init__(self, config: FusionConfig, passages: Sequence[Passage], cache: Path | None = None) -> None:
        super().__init__(config, passages, cache)
        self.retrievers = {name: RETRIEVERS.build(part, passages, cache) for name, part in config.of.items()}

    def retrieve(self, queries: Sequence[str], k: int) -> list[Hits]:
        """The best ``k`` passages of every query; passages that no retriever finds are left out."""
        depth = max(k, self.config.depth)
        return list(self._fused([part.retrieve(queries, depth) for part in self.retrievers.values()], k))

    def retrieve_records(self, records: Sequence[Record], name: str, k: int) -> Iterator[Hits]:
        """The best ``k`` passages of every record."""
        depth = max(k, self.config.depth)
        return self._fused([part.retrieve_records(records, name, depth) for part in self.retrievers.values()], k)

    def check(self) -> None:
        """Refuse what one of the retrievers refuses.

        Raises:
            GlimmerError: the first of it.
        """
        for part in self.retrievers.values():
            part.check()

    def fingerprint(self, name: str) -> str:
        """The options, the code, and what decides each of the retrievers' candidates."""
        return content_hash(super().fingerprint(name), *(part.fingerprint(name) for part in self.retrievers.values()))

    def _fused(self, found: Sequence[Iterable[Hits]], k: int) -> Iterator[Hits]:
        """What the retrievers find for every question, as one."""
        weights = [self.config.weights.get(name, 1.0) for name in self.retrievers]
        for rankings in zip(*found, strict=True):
            rows = sorted({row for hits in rankings for row, _ in hits})
            scores = [0.0] * len(rows)
            for weight, hits in zip(weights, rankings, strict=True):
                parts = (
                    self._reciprocal(hits, rows) if self.config.method == "reciprocal_rank" else standard(hits, rows)
                )
                scores = [score + weight * part for score, part in zip(scores, parts, strict=True)]
            yield sorted(zip(rows, scores, strict=True), key=lambda hit: (-hit[1], hit[0]))[:k]

    def _reciprocal(self, hits: Hits, rows: Sequence[int]) -> list[float]:
        parts = {row: 1 / (self.config.constant + rank) for rank, (row, _) in enumerate(hits, start=1)}
        return [parts.get(row, 0.0) for row in rows]


def standard(hits: Hits, rows: Sequence[int]) -> list[float]:
    """The scores of ``rows``, some of which may not be among ``hits``, with mean 0 and variance 1; see ``Fusion``."""
    lowest = min((score for _, score in hits), default=0.0)
    known = dict(hits)
    scores = [known.get(row, lowest) for row in rows]
    mean = math.fsum(scores) / max(1, len(scores))
    deviation = math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / max(1, len(scores)))
    same = not scores or min(scores) == max(scores)
    return [0.0 if same else (score - mean) / deviation for score in scores]
