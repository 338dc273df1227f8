"""The built-in corpus, made from the CIA World Factbook."""

from glimmer.data.factbook.build import build, is_built

__all__ = ["build", "is_built"]
