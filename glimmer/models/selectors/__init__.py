"""Selectors: which candidates the deeper live layers and the decoder see."""

from glimmer.models.selectors.all import AllSelector
from glimmer.models.selectors.base import SELECTORS, Selector, register_selector
from glimmer.models.selectors.gumbel_top_m import GumbelTopMSelector
from glimmer.models.selectors.threshold import ThresholdSelector
from glimmer.models.selectors.top_m import TopMSelector

__all__ = [
    "SELECTORS",
    "AllSelector",
    "GumbelTopMSelector",
    "Selector",
    "ThresholdSelector",
    "TopMSelector",
    "register_selector",
]
