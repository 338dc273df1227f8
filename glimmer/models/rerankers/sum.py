"""s_i = Σ over heads h of f_h · s_h,i: what one head sees and another does not."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from glimmer.models.rerankers.base import RERANKERS, Reranker, RerankerConfig, register_reranker
from glimmer.models.values import Pairs
from glimmer.options import OptionError, option


@dataclass(kw_only=True)
class SumConfig(RerankerConfig):
    """Options of the sum."""

    of: dict[str, Any] = option({}, "The heads, at least two, each under a name", components="reranker")
    factors: dict[str, float] = option({}, "Initial values of the learned factors, by the heads' names; 1 if not given")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(len(self.of) >= 2, "of", "two heads at least")
        for name, part in self.of.items():
            if part.retrieval_score:
                raise OptionError(f"of.{name}.retrieval_score", "must be false; the sum itself can take the score")
        for name in self.factors:
            if name not in self.of:
                raise OptionError(f"factors.{name}", f"is of none of the heads {', '.join(self.of)}")


@register_reranker("sum", SumConfig)
class SumReranker(Reranker):
    """Several heads on the same states; a factor near 0 lets a fresh head begin behind one that knows something."""

    config: SumConfig

    def __init__(self, config: SumConfig, width: int) -> None:
        super().__init__(config, width)
        self.heads = nn.ModuleDict({name: RERANKERS.build(part, width=width) for name, part in config.of.items()})
        factors = [config.factors.get(name, 1.0) for name in config.of]
        self.factors = nn.Parameter(torch.tensor(factors))

    def score(self, pairs: Pairs) -> Tensor:
        """Score ``[N]`` pairs."""
        scores = [head.score(pairs) for head in self.heads.values()]  # type: ignore[operator]
        return torch.stack(scores, 1) @ self.factors
