"""Gold ranking: raise the scores of passages that are known to hold the answer."""

from dataclasses import dataclass

import torch
from torch import Tensor

from glimmer.criterions.base import Criterion, CriterionConfig, CriterionOutput, register_criterion
from glimmer.criterions.distributions import masked_log_softmax, reranker_scores
from glimmer.data.values import Batch
from glimmer.models.base import Model
from glimmer.models.values import ReaderOutput
from glimmer.options import option


@dataclass(kw_only=True)
class GoldRankingConfig(CriterionConfig):
    """Options of gold ranking."""

    target: str = option(
        "uniform",
        "uniform: -log of each gold passage's probability, their mean; mass: -log of their joint probability",
        choices=("uniform", "mass"),
    )


@register_criterion("gold_ranking", GoldRankingConfig)
class GoldRanking(Criterion):
    """Softmax cross-entropy of the reranker's scores against the gold flags.

    ``mass`` is satisfied by any one gold passage on top; ``uniform`` wants all of them there.
    """

    needs_scores = True
    config: GoldRankingConfig

    def counts(self, batch: Batch) -> Tensor:
        """``[B]``: 1, or 0 for questions where no candidate is gold or all are."""
        gold = batch.gold & batch.present
        return (gold.any(1) & (batch.present & ~gold).any(1)).long()

    def __call__(self, reader: Model, output: ReaderOutput, batch: Batch) -> CriterionOutput:
        """The cross-entropy of every question, in nats; logs the share with a gold passage on top as ``gold_first``.

        Raises:
            ConfigError: the reader has no reranker.
        """
        counts = self.counts(batch)
        applies = counts > 0
        gold = batch.gold & batch.present & applies[:, None]
        chances = masked_log_softmax(reranker_scores(output, self.config.name), batch.present)
        if self.config.target == "mass":
            lowest = torch.finfo(torch.float32).min
            values = -chances.masked_fill(~gold, lowest).logsumexp(1)
        else:
            values = -chances.masked_fill(~gold, 0.0).sum(1) / gold.sum(1).clamp(min=1)
        with torch.no_grad():
            first = gold.gather(1, chances.argmax(1, keepdim=True)).squeeze(1)
        return CriterionOutput(values.masked_fill(~applies, 0.0), counts, {"gold_first": (first.float(), counts)})
