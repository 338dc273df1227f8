"""What every model offers to training, criterions and evaluation."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from glimmer.data.values import Batch
from glimmer.errors import ConfigError
from glimmer.models.generation import Generation, GenerationConfig
from glimmer.models.values import Pairs, ReaderOutput
from glimmer.registry import Registry


class Model(nn.Module, ABC):
    """Answers questions from candidate passages.

    Legend: B questions, K candidates, N pairs, T target tokens, V vocabulary.
    """

    @abstractmethod
    def forward(self, batch: Batch, every_passage: bool = False) -> ReaderOutput:
        """Teacher-forced pass; with ``every_passage`` the output holds all pairs after the last layer."""

    @abstractmethod
    def passage_log_likelihood(self, output: ReaderOutput, batch: Batch, pairs: Tensor | None = None) -> Tensor:
        """Summed log p(target | question, one passage), ``[N]``, of all pairs of ``output`` or of rows ``pairs``."""

    def source_attention(self, pairs: Pairs, targets: Tensor) -> Tensor:
        """Logits ``[N, T, S]`` (float32) with which each step of ``targets [B, T]`` looks at finished ``pairs``.

        Raises:
            ConfigError: the model has no such attention (the default).
        """
        raise ConfigError(f"{type(self).__name__} has no attention that criterion evidence_attention can teach")

    @abstractmethod
    def generate(self, batch: Batch, config: GenerationConfig) -> Generation:
        """Decode an answer for every question."""


MODELS: Registry[Model] = Registry("model", Model)
register_model = MODELS.register
