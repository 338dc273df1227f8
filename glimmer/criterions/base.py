"""What every criterion returns: sums and counts per question.

So the mean over ragged, accumulated and distributed batches is one mean.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from torch import Tensor

from glimmer.data.values import Batch
from glimmer.models.base import Model
from glimmer.models.values import ReaderOutput
from glimmer.options import option
from glimmer.registry import ComponentConfig, Registry


@dataclass(kw_only=True)
class CriterionConfig(ComponentConfig):
    """Options that every criterion has."""

    weight: float = option(1.0, "Weight of this loss in the sum that is minimised", least=0)


@dataclass(frozen=True)
class CriterionOutput:
    """Per-question sums; the loss is ``values.sum() / Σ counts`` over everything that makes up one update."""

    values: Tensor
    """``[B]`` float32, differentiable."""
    counts: Tensor
    """``[B]``: what each value is a sum over (target tokens, or 1 a question; 0 = not applicable)."""
    logs: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """Further quantities to log per task: name → (``[B]`` sums, ``[B]`` counts), detached."""


class Criterion(ABC):
    """A loss over what the reader computed."""

    every_passage: bool = False
    """True: live layers B must run on all candidates, not only on the kept ones."""
    needs_scores: bool = False
    """True: it trains the scores of a reranker, so that there must be one."""

    def __init__(self, config: CriterionConfig) -> None:
        self.config = config

    @abstractmethod
    def counts(self, batch: Batch) -> Tensor:
        """``[B]``: the counts of ``__call__``, from the batch alone; they normalise an update's gradient."""

    @abstractmethod
    def __call__(self, reader: Model, output: ReaderOutput, batch: Batch) -> CriterionOutput:
        """The loss of every question."""


CRITERIONS: Registry[Criterion] = Registry("criterion", Criterion)
register_criterion = CRITERIONS.register
