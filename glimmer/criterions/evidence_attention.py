"""Evidence attention: have the decoder look at where the answer stands while it writes it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from glimmer.criterions.base import Criterion, CriterionConfig, CriterionOutput, register_criterion
from glimmer.data.values import Batch
from glimmer.models.base import Model
from glimmer.models.values import Pairs, ReaderOutput
from glimmer.options import option


@dataclass(kw_only=True)
class EvidenceAttentionConfig(CriterionConfig):
    """Options of evidence attention."""

    steps: int | None = option(
        None, "Decoding steps that are taught where to look; 1 = only where the evidence starts, null = all", least=1
    )


@register_criterion("evidence_attention", EvidenceAttentionConfig)
class EvidenceAttention(Criterion):
    """Cross-entropy of the decoder's cross-attention against the tokens of the evidence.

    A reader that learns from nothing must find out at once where to look and how to say what it sees; told where to
    look, it learns to match question and passage from the first updates on. The first step is to look where evidence
    starts; further steps, where the evidence is the target word for word, at the token that they are to write. One
    head is taught, over all tokens of all passages that are read; any place of evidence is right.

    Legend: B questions, K candidates, N pairs, T decoding steps, S tokens of a pair, E places of evidence.
    """

    config: EvidenceAttentionConfig

    def counts(self, batch: Batch) -> Tensor:
        """``[B]``: 1, or 0 for questions whose evidence stands in none of their candidates."""
        counts = torch.zeros(len(batch), dtype=torch.long, device=batch.index.device)
        return counts.index_fill(0, batch.evidence[:, 0], 1)

    def __call__(self, reader: Model, output: ReaderOutput, batch: Batch) -> CriterionOutput:
        """``−log`` of the attention on evidence, in nats summed over a question's steps.

        Logs how often it is highest there: ``first`` in the first step, ``next`` in the others. A question whose
        evidence the selector has left out adds nothing.

        Raises:
            ConfigError: the decoder has no cross-attention that can be taught.
        """
        taught = _taught_steps(batch)[:, : self.config.steps]
        pairs = _read(output)
        logits = reader.source_attention(pairs, batch.targets.ids[:, : taught.shape[1]])
        lowest = torch.finfo(torch.float32).min
        questions, candidates = batch.index.shape
        steps, length = logits.shape[1:]
        laid = logits.new_full((questions, candidates, steps, length), lowest)
        laid = laid.index_put((pairs.question, pairs.slot), logits.masked_fill(~pairs.states.mask[:, None], lowest))
        offset = torch.zeros_like(batch.index).index_put((pairs.question, pairs.slot), pairs.question_lengths)
        right = torch.zeros(laid.shape, dtype=torch.bool, device=laid.device)
        place, step = taught.nonzero(as_tuple=True)
        question, slot, token = batch.evidence[place].unbind(1)
        right[question, slot, step, token + step + offset[question, slot]] = True
        right &= laid > lowest
        laid, right = laid.transpose(1, 2).flatten(2), right.transpose(1, 2).flatten(2)
        reachable = right.any(2)
        values = laid.logsumexp(2) - laid.masked_fill(~right, lowest).logsumexp(2)
        with torch.no_grad():
            hit = right.gather(2, laid.argmax(2, keepdim=True)).squeeze(2).float()
            seen = reachable.long()
        logs = {"first": (hit[:, :1].sum(1), seen[:, :1].sum(1)), "next": (hit[:, 1:].sum(1), seen[:, 1:].sum(1))}
        return CriterionOutput(values.masked_fill(~reachable, 0.0).sum(1), self.counts(batch), logs)


def _read(output: ReaderOutput) -> Pairs:
    """The pairs that the decoder reads; another criterion may have asked for all."""
    pairs, kept = output.pairs, output.ranking.kept
    read = (pairs.slot[:, None] == kept[pairs.question]).any(1)
    return pairs.rows(read.nonzero().squeeze(1))


def _taught_steps(batch: Batch) -> Tensor:
    """``[E, T]``: whether step t is to look t tokens behind the place; the first, then as long as both agree."""
    question, slot, start = batch.evidence.unbind(1)
    ids = batch.passages.ids
    steps = torch.arange(batch.targets.ids.shape[1], device=ids.device)
    places = start[:, None] + steps
    written = ids[batch.index[question, slot][:, None], places.clamp(max=ids.shape[1] - 1)]
    agree = (written == batch.targets.ids[question]) & batch.targets.mask[question] & (places < ids.shape[1])
    return agree.cumprod(1).bool() | (steps == 0)
