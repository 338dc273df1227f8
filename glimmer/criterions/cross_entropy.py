"""Token cross-entropy of the answer, given the passages that the decoder reads."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from glimmer.criterions.base import Criterion, CriterionConfig, CriterionOutput, register_criterion
from glimmer.data.values import Batch, Tokens
from glimmer.errors import TrainingError
from glimmer.models.base import Model
from glimmer.models.values import ReaderOutput
from glimmer.options import option


@dataclass(kw_only=True)
class CrossEntropyConfig(CriterionConfig):
    """Options of the token cross-entropy."""

    label_smoothing: float = option(
        0.0, "Share of the target's probability spread evenly over the vocabulary", least=0, below=1
    )


@register_criterion("cross_entropy", CrossEntropyConfig)
class CrossEntropy(Criterion):
    """Teacher-forced token cross-entropy, in nats per target token (GLIMMER, arXiv 2306.10231, L_LM)."""

    config: CrossEntropyConfig

    def counts(self, batch: Batch) -> Tensor:
        """``[B]``: the target tokens."""
        return batch.targets.mask.sum(1)

    def __call__(self, reader: Model, output: ReaderOutput, batch: Batch) -> CriterionOutput:
        """The sum over each question's target tokens.

        With label smoothing it logs the plain negative log-likelihood as ``nll``.

        Raises:
            TrainingError: the model does not give logits of just these tokens.
        """
        logits, smoothing, counts = output.logits.float(), self.config.label_smoothing, self.counts(batch)
        logs = {}
        if smoothing > 0:
            with torch.no_grad():
                logs["nll"] = (_losses(logits, batch.targets, 0.0), counts)
        return CriterionOutput(_losses(logits, batch.targets, smoothing), counts, logs)


def _losses(logits: Tensor, targets: Tokens, smoothing: float) -> Tensor:
    """Every question's sum ``[B]``."""
    ids = targets.ids[targets.mask]
    if logits.shape[:-1] != ids.shape:
        raise TrainingError(
            f"the model gives logits of shape {tuple(logits.shape)}; expected [N, V] with a row for each of the "
            f"batch's N = {len(ids)} target tokens that are real, question by question"
        )
    losses = functional.cross_entropy(logits, ids, reduction="none", label_smoothing=smoothing)
    return targets.placed(losses).sum(1)
