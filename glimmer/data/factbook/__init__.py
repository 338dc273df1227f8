"""The built-in corpus, made from the CIA World Factbook."""

from glimmer.data.factbook.build import TASKS, build, build_with_bar, ensure, is_built
from glimmer.data.factbook.split import SPLITS

__all__ = ["SPLITS", "TASKS", "build", "build_with_bar", "ensure", "is_built"]
