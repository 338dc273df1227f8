"""Evidence attention: have the decoder look first at where the answer stands."""

from dataclasses import dataclass

import torch
from torch import Tensor

from glimmer.criterions.base import Criterion, CriterionConfig, CriterionOutput, register_criterion
from glimmer.data.values import Batch
from glimmer.models.base import Model
from glimmer.models.values import ReaderOutput


@dataclass(kw_only=True)
class EvidenceAttentionConfig(CriterionConfig):
    """Options of evidence attention."""


@register_criterion("evidence_attention", EvidenceAttentionConfig)
class EvidenceAttention(Criterion):
    """Cross-entropy of the first decoding step's cross-attention against the tokens where evidence starts.

    A reader that learns from nothing must find out at once where to look and how to say what it sees; told where to
    look, it learns to match question and passage from the first updates on. One head is taught, over all tokens of
    all passages that are read; any place where evidence starts is right.
    """

    config: EvidenceAttentionConfig

    def counts(self, batch: Batch) -> Tensor:
        """``[B]``: 1, or 0 for questions whose evidence stands in none of their candidates."""
        counts = torch.zeros(len(batch), dtype=torch.long, device=batch.index.device)
        return counts.index_fill(0, batch.evidence[:, 0], 1)

    def __call__(self, reader: Model, output: ReaderOutput, batch: Batch) -> CriterionOutput:
        """``−log`` of the attention on evidence, in nats a question; logs how often it is highest there as ``first``.

        A question whose evidence the selector has left out adds nothing.

        Raises:
            ConfigError: the decoder has no cross-attention that can be taught.
        """
        logits = reader.first_attention(output.pairs)
        pairs = output.pairs
        lowest = torch.finfo(torch.float32).min
        questions, candidates = batch.index.shape
        length = logits.shape[1]
        laid = logits.new_full((questions, candidates, length), lowest)
        laid = laid.index_put((pairs.question, pairs.slot), logits.masked_fill(~pairs.states.mask, lowest))
        offset = torch.zeros_like(batch.index).index_put((pairs.question, pairs.slot), pairs.question_lengths)
        right = torch.zeros(laid.shape, dtype=torch.bool, device=laid.device)
        question, slot, token = batch.evidence.unbind(1)
        right[question, slot, token + offset[question, slot]] = True
        right &= laid > lowest
        laid, right = laid.flatten(1), right.flatten(1)
        reachable = right.any(1)
        values = laid.logsumexp(1) - laid.masked_fill(~right, lowest).logsumexp(1)
        with torch.no_grad():
            first = right.gather(1, laid.argmax(1, keepdim=True)).squeeze(1)
        return CriterionOutput(
            values.masked_fill(~reachable, 0.0), self.counts(batch), {"first": (first.float(), reachable.long())}
        )
