"""What every encoder offers: a stack of layers that can be entered and left at any depth."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from glimmer.data.values import States, Tokens
from glimmer.errors import ConfigError
from glimmer.registry import ComponentConfig, Registry


class Encoder(nn.Module, ABC):
    """A stack of layers: the first ``memory_layers`` see a question or a passage alone, the rest their pair.

    It is built from its configuration, the size of the ``vocabulary``, and how many of its layers are ``live_layers``:
    all where that is None, for a model that does not split its encoder.
    """

    layers: int
    width: int
    vocabulary: int
    memory_layers: int
    embedding: nn.Embedding

    def __init__(self, config: ComponentConfig) -> None:
        super().__init__()
        self.config = config

    def initialise(self) -> None:
        """Set the weights that this family begins with, after the model's initialiser has set T5's."""

    @abstractmethod
    def embed(self, tokens: Tokens) -> States:
        """Token embeddings ``[N, T, D]`` with whatever comes before the first layer."""

    @abstractmethod
    def run(self, states: States, start: int, stop: int, question_lengths: Tensor | None) -> States:
        """Run layers ``start … stop − 1`` on the raw residual stream.

        Args:
            states: ``[N, T, D]``.
            start: first layer.
            stop: one past the last layer.
            question_lengths: ``[N]`` where the rows are (question, passage) pairs, whose positions run over both: how
                many of a row's first tokens are the question's. None where a row is a question or a passage alone.
        """

    @abstractmethod
    def finish(self, states: States) -> States:
        """Apply what comes after the last layer (the final norm)."""

    @abstractmethod
    def memory_modules(self) -> list[nn.Module]:
        """The modules that decide what a passage's memory is: to be frozen, and fingerprinted."""


def memory_layers_of(layers: int, live_layers: int | None) -> int:
    """How many of ``layers`` are not live; None = all are live.

    Raises:
        ConfigError: there are not so many.
    """
    live = layers if live_layers is None else live_layers
    if not 0 <= live <= layers:
        raise ConfigError(f"model.live_layers must be between 0 and encoder.layers = {layers}, got {live}")
    return layers - live


ENCODERS: Registry[Encoder] = Registry("encoder", Encoder)
register_encoder = ENCODERS.register
