"""What every reranker head does: score the pairs that leave live layers A.

Legend: B questions, K candidates, N pairs.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from glimmer.data.values import States
from glimmer.models.values import Pairs
from glimmer.options import option
from glimmer.registry import ComponentConfig, Registry


@dataclass(kw_only=True)
class RerankerConfig(ComponentConfig):
    """Options that every head has."""

    retrieval_score: bool = option(False, "Add the retriever's score times a learned weight")
    retrieval_weight: float = option(
        1.0, "Initial value of that weight; a large one begins with the retriever's own ranking"
    )
    by_question: bool = option(
        False, "Let the weight of the retriever's score depend on the question, as its states are in the pair"
    )
    standardise: bool = option(
        True,
        "Standardise the retriever's scores over a question's candidates; not needed where they are alike for all "
        "questions already, as those of a fusion by scores",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.retrieval_score or not self.by_question, "by_question", "false where retrieval_score is")


class Reranker(nn.Module, ABC):
    """Scores pairs; the scores of a question's candidates are compared, nothing else."""

    learned: bool = True
    """False: the scores are the retriever's."""

    def __init__(self, config: RerankerConfig, width: int) -> None:
        super().__init__()
        self.config = config
        self.standardise = config.standardise
        weight = torch.tensor(config.retrieval_weight, dtype=torch.float32)
        self.retrieval_weight = nn.Parameter(weight) if config.retrieval_score else None
        self.retrieval_gate = RetrievalGate(width) if config.by_question else None

    @abstractmethod
    def score(self, pairs: Pairs) -> Tensor:
        """Score every pair: ``[N]``, from float32 states."""

    def forward(self, pairs: Pairs, retrieval_scores: Tensor) -> Tensor:
        """``[B, K]`` scores, −inf where a candidate is absent; float32 throughout, for bf16 knows close ones as ties.

        Args:
            pairs: the N present candidates.
            retrieval_scores: ``[B, K]``, −inf where absent.
        """
        states = pairs.states
        exact = replace(pairs, states=States(states.values.float(), states.mask))
        with torch.autocast(states.values.device.type, enabled=False):
            scores = self.score(exact)
            if self.retrieval_weight is not None:
                given = standardise(retrieval_scores) if self.standardise else retrieval_scores
                weight = self.retrieval_weight
                if self.retrieval_gate is not None:
                    weight = weight * self.retrieval_gate(exact)
                scores = scores + weight * given[pairs.question, pairs.slot]
        grid = torch.full(retrieval_scores.shape, float("-inf"), device=scores.device)
        return grid.index_put((pairs.question, pairs.slot), scores)


class RetrievalGate(nn.Module):
    """How far to trust the retriever on a question: e^(v · q) of the mean q of its tokens in each pair; 1 at first.

    Words find what a question names, vectors what it paraphrases: one weight for both is right for neither.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.direction = nn.Parameter(torch.zeros(width))

    def forward(self, pairs: Pairs) -> Tensor:
        """Factors ``[N]`` of the retriever's scores."""
        question = (pairs.states.values * pairs.question_mask()[..., None]).sum(1)
        return torch.exp(functional.normalize(question, dim=-1) @ self.direction)


def standardise(scores: Tensor) -> Tensor:
    """Give each row of ``[B, K]`` zero mean and unit variance over its finite entries; the others become 0."""
    finite = scores.isfinite()
    count = finite.sum(1, keepdim=True).clamp(min=1)
    values = torch.where(finite, scores, 0.0)
    centred = torch.where(finite, values - values.sum(1, keepdim=True) / count, 0.0)
    return centred / (centred.square().sum(1, keepdim=True) / count).sqrt().clamp(min=1e-6)


RERANKERS: Registry[Reranker] = Registry("reranker", Reranker)
register_reranker = RERANKERS.register
