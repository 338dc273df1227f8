"""Perplexity distillation: rank passages by how likely each one alone makes the answer."""

from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from glimmer.criterions.base import Criterion, CriterionConfig, CriterionOutput, register_criterion
from glimmer.criterions.distributions import entropy, kl_divergence, masked_log_softmax, reranker_scores
from glimmer.data.values import Batch
from glimmer.models.base import Model
from glimmer.models.values import ReaderOutput
from glimmer.options import option


@dataclass(kw_only=True)
class PerplexityDistillationConfig(CriterionConfig):
    """Options of perplexity distillation."""

    direction: str = option(
        "target_to_rank",
        "target_to_rank: KL(p_LM || p_rank), as in Atlas; rank_to_target: KL(p_rank || p_LM)",
        choices=("target_to_rank", "rank_to_target"),
    )
    score_temperature: float = option(1.0, "Divides the scores before their softmax; lower = sharper", above=0)
    target_temperature: float = option(
        1.0, "Divides the log-likelihoods before their softmax; lower = sharper", above=0
    )
    likelihood: str = option(
        "sum", "Log-likelihood of the answer: sum over its tokens, or mean (as in Atlas)", choices=("sum", "mean")
    )
    passages: str = option(
        "all", "Candidates that take part: all, or a sample of each question's", choices=("all", "sample")
    )
    count: int = option(8, "Candidates drawn for each question where passages=sample", least=2)
    stop_gradient: bool = option(True, "Train the scores alone, not the answer's likelihood, with this loss")


@register_criterion("perplexity_distillation", PerplexityDistillationConfig)
class PerplexityDistillation(Criterion):
    """KL between the reranker's distribution over passages and the one by the answer's likelihood given each alone.

    p_rank = softmax(scores / τ_s), p_LM = softmax(log p(answer | passage, question) / τ_t); GLIMMER (arXiv 2306.10231)
    writes KL(p_rank ‖ p_LM), Atlas (arXiv 2208.03299, PDist) computes KL(p_LM ‖ p_rank).
    """

    every_passage = True
    needs_scores = True
    config: PerplexityDistillationConfig

    def counts(self, batch: Batch) -> Tensor:
        """``[B]``: 1, or 0 for questions with fewer than two candidates, which have nothing to rank."""
        return (batch.present.sum(1) >= 2).long()

    def __call__(self, reader: Model, output: ReaderOutput, batch: Batch) -> CriterionOutput:
        """The divergence of every question, in nats.

        Logs ``target_entropy`` (nats) and ``agreement``, the share of questions whose best-scored passage is also the
        most helpful one.

        Raises:
            ConfigError: the reader has no reranker.
        """
        scores = reranker_scores(output, self.config.name)
        counts = self.counts(batch)
        mask = self._participants(batch) & (counts > 0)[:, None]
        likelihoods = self._likelihoods(reader, output, batch, mask)
        rank = masked_log_softmax(scores / self.config.score_temperature, mask)
        target = masked_log_softmax(likelihoods / self.config.target_temperature, mask)
        if self.config.direction == "target_to_rank":
            values = kl_divergence(target, rank, mask)
        else:
            values = kl_divergence(rank, target, mask)
        with torch.no_grad():
            agreement = (rank.argmax(1) == target.argmax(1)) & (counts > 0)
            logs = {
                "target_entropy": (entropy(target.detach(), mask), counts),
                "agreement": (agreement.float(), counts),
            }
        return CriterionOutput(values, counts, logs)

    def _participants(self, batch: Batch) -> Tensor:
        """``[B, K]`` bool: the candidates that take part; drawn on the CPU: a seed means the same everywhere."""
        present = batch.present
        if self.config.passages == "all" or present.shape[1] <= self.config.count:
            return present
        noise = torch.rand(present.shape).to(present.device).masked_fill(~present, -1.0)
        drawn = torch.zeros_like(present).scatter(1, noise.topk(self.config.count, dim=1).indices, True)
        return drawn & present

    def _likelihoods(self, reader: Model, output: ReaderOutput, batch: Batch, mask: Tensor) -> Tensor:
        """``[B, K]`` log-likelihood of the answer given each candidate alone; −inf where ``mask`` is False."""
        pairs = mask[output.pairs.question, output.pairs.slot].nonzero().squeeze(1)
        question, slot = output.pairs.question[pairs], output.pairs.slot[pairs]
        with torch.no_grad() if self.config.stop_gradient else nullcontext():
            found = reader.passage_log_likelihood(output, batch, pairs).float()
        if self.config.likelihood == "mean":
            found = found / batch.targets.mask.sum(1)[question]
        return found.new_full(mask.shape, -torch.inf).index_put((question, slot), found)
