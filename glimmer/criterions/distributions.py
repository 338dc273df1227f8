"""Distributions over the candidates of a question, some of which may be absent.

Legend: B questions, K candidates. ``mask [B, K]`` says which candidates take part; what stands at the others is
never read and receives no gradient, and a question with none of them gives 0, never NaN.
"""

import torch
from torch import Tensor

from glimmer.errors import ConfigError
from glimmer.models.values import ReaderOutput


def masked_log_softmax(values: Tensor, mask: Tensor) -> Tensor:
    """``[B, K]`` log-probabilities over the masked-in candidates, in float32; finite everywhere."""
    lowest = torch.finfo(torch.float32).min
    return values.float().masked_fill(~mask, lowest).log_softmax(-1)


def kl_divergence(p: Tensor, q: Tensor, mask: Tensor) -> Tensor:
    """``[B]`` KL(p ‖ q) = Σ p (log p − log q) in nats, of two log-distributions ``[B, K]``."""
    return (p.exp() * (p - q)).masked_fill(~mask, 0.0).sum(-1)


def entropy(p: Tensor, mask: Tensor) -> Tensor:
    """``[B]`` entropy in nats of a log-distribution ``[B, K]``."""
    return -(p.exp() * p).masked_fill(~mask, 0.0).sum(-1)


def reranker_scores(output: ReaderOutput, criterion: str) -> Tensor:
    """The reranker's scores ``[B, K]``.

    Raises:
        ConfigError: the reader has no reranker, so there is nothing that the criterion could train.
    """
    if not output.scored:
        raise ConfigError(
            f"criterions.{criterion} trains a reranker, and this reader has none; "
            f"choose one (reranker=first_token) or drop the criterion"
        )
    return output.ranking.scores
