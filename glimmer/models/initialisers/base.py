"""What every initialiser does: how a model's weights begin when no checkpoint gives them."""

from abc import ABC, abstractmethod

from torch import nn

from glimmer.registry import ComponentConfig, Registry


class Initialiser(ABC):
    """Sets the weights of a module and of all within it, drawing from torch's generator."""

    def __init__(self, config: ComponentConfig) -> None:
        self.config = config

    @abstractmethod
    def __call__(self, module: nn.Module) -> None:
        """Set the weights in place."""


INITIALISERS: Registry[Initialiser] = Registry("initialiser", Initialiser)
register_initialiser = INITIALISERS.register
