"""The values that flow through a reader.

Legend: B questions, K candidate passages, M kept passages, N pairs (all candidates of all questions, flat),
S source tokens, T tokens, D width, V vocabulary. Masks are boolean, True = a real token or passage.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from glimmer.data.values import Batch, States


@dataclass(frozen=True)
class Source(States):
    """What a decoder reads: token states ``[..., S, D]``, their mask, and of which tokens they are."""

    ids: Tensor
    """``[..., S]`` int64; any id where the mask is False."""

    def rows(self, index: Tensor) -> "Source":
        """Gather along the first dimension."""
        return Source(self.values[index], self.mask[index], self.ids[index])


@dataclass(frozen=True)
class Pairs:
    """The N (question, passage) pairs of a batch, flat: no compute goes to absent candidates.

    ``question [N]`` and ``slot [N]`` say which candidate ``[b, k]`` of the batch a pair is.
    """

    states: States
    """``[N, T, D]``, packed: the question's tokens, then the passage's, then padding."""
    question: Tensor
    slot: Tensor
    question_lengths: Tensor
    """``[N]``: how many of a pair's tokens belong to the question."""

    def rows(self, index: Tensor) -> "Pairs":
        """The sub-set of pairs ``index``."""
        return Pairs(self.states.rows(index), self.question[index], self.slot[index], self.question_lengths[index])

    def source(self, batch: Batch) -> Source:
        """The states ``[N, T, D]`` with the ids of their tokens, which ``batch`` knows."""
        position, first = self._positions()[None], self.question_lengths[:, None]
        questions, passages = batch.questions.ids, batch.passages.ids
        passage = batch.index[self.question, self.slot]
        of_question = questions[self.question[:, None], position.clamp(max=questions.shape[1] - 1)]
        of_passage = passages[passage[:, None], (position - first).clamp(0, passages.shape[1] - 1)]
        return Source(self.states.values, self.states.mask, torch.where(position < first, of_question, of_passage))

    def question_mask(self) -> Tensor:
        """``[N, T]`` bool: the tokens of the question."""
        return self._positions() < self.question_lengths[:, None]

    def passage_mask(self) -> Tensor:
        """``[N, T]`` bool: the tokens of the passage."""
        return self.states.mask & ~self.question_mask()

    def _positions(self) -> Tensor:
        return torch.arange(self.states.mask.shape[1], device=self.states.mask.device)


@dataclass(frozen=True)
class Ranking:
    """How the candidates of B questions were scored and which were kept."""

    scores: Tensor
    """``[B, K]`` float32; −inf where the candidate is absent."""
    kept: Tensor
    """``[B, M]`` int64 slots of the kept candidates, best first; −1 = fewer than M were kept."""

    @property
    def order(self) -> Tensor:
        """``[B, K]`` slots by falling score; ties keep retrieval order, absent candidates come last."""
        return torch.sort(self.scores, dim=1, descending=True, stable=True).indices


@dataclass(frozen=True)
class ReaderOutput:
    """What a reader computed for a batch."""

    logits: Tensor
    """``[N, V]``, teacher-forced: those of the N target tokens that are real, question by question."""
    ranking: Ranking
    pairs: Pairs
    """The pairs after live layers B and the final norm: of the kept candidates, or of all when asked for."""
    scored: bool
    """Whether ``ranking.scores`` come from a reranker head (else they are the retriever's)."""
