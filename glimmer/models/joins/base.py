"""What every join does: put a question's states beside each of its passages'."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from glimmer.data.values import States
from glimmer.models.values import Pairs
from glimmer.registry import ComponentConfig, Registry


class Join(nn.Module, ABC):
    """Makes the (question, passage) pairs that the live layers run on."""

    def __init__(self, config: ComponentConfig, width: int) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def forward(self, questions: States, passages: States, index: Tensor) -> Pairs:
        """Pair question b with passage ``index[b, k]`` for every present candidate.

        Args:
            questions: ``[B, Tq, D]``.
            passages: ``[P, Tp, D]``, every distinct passage once.
            index: ``[B, K]`` rows of ``passages``, −1 = absent.
        """


JOINS: Registry[Join] = Registry("join", Join)
register_join = JOINS.register
