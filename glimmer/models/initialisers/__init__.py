"""Initialisers: how the weights of a model begin when no checkpoint gives them."""

from glimmer.models.initialisers.base import INITIALISERS, Initialiser, register_initialiser
from glimmer.models.initialisers.copy_path import CopyPathInitialiser
from glimmer.models.initialisers.t5 import T5Initialiser

__all__ = ["INITIALISERS", "CopyPathInitialiser", "Initialiser", "T5Initialiser", "register_initialiser"]
