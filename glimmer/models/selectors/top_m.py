"""Hard top-m by score (GLIMMER)."""

from dataclasses import dataclass

from torch import Tensor

from glimmer.models.selectors.base import Selector, best, register_selector
from glimmer.options import option
from glimmer.registry import ComponentConfig


@dataclass(kw_only=True)
class TopMConfig(ComponentConfig):
    """Options of top-m."""

    kept: int = option(5, "m, the number of passages kept", least=1)


@register_selector("top_m", TopMConfig)
class TopMSelector(Selector):
    """Keep the m best."""

    config: TopMConfig

    def forward(self, scores: Tensor) -> Tensor:
        """Keep the m best present candidates."""
        return best(scores.detach(), self.config.kept)

    def most(self, candidates: int) -> int:
        """m, or fewer where there are fewer candidates."""
        return min(self.config.kept, candidates)
