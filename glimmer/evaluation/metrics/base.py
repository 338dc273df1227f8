"""What every answer metric does. Scores are fractions, 0 to 1; percentages are made only in reports."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from glimmer.registry import ComponentConfig, Registry


@dataclass(kw_only=True)
class MetricConfig(ComponentConfig):
    """Options that every metric has."""


class Metric(ABC):
    """A score of predicted answers against the valid ones."""

    def __init__(self, config: MetricConfig) -> None:
        self.config = config

    @property
    def name(self) -> str:
        """The registered name."""
        return self.config.name

    @property
    def per_question(self) -> bool:
        """Whether the score of many predictions is the mean of their own scores."""
        return type(self).corpus is Metric.corpus

    @abstractmethod
    def score(self, prediction: str, answers: Sequence[str]) -> float:
        """The score of one prediction, 0 to 1: the best over its valid answers."""

    def corpus(self, predictions: Sequence[str], answers: Sequence[Sequence[str]]) -> float:
        """The score of many predictions, 0 to 1; the mean of their scores unless the metric says otherwise.

        An empty prediction scores 0 and counts.
        """
        if not predictions:
            raise ValueError("a metric needs at least one prediction")
        pairs = zip(predictions, answers, strict=True)
        return mean([self.score(p, valid) if p.strip() else 0.0 for p, valid in pairs])


def mean(scores: Sequence[float]) -> float:
    """The mean of at least one score, summed one by one as KILT's scorer does.

    Python's own ``sum`` makes up for rounding from 3.12 on, and so can differ in the last digit.
    """
    total = 0.0
    for score in scores:
        total += score
    return total / len(scores)


METRICS: Registry[Metric] = Registry("metric", Metric)
register_metric = METRICS.register


def build_metric(name: str) -> Metric:
    """The metric called ``name`` with its default options.

    Raises:
        RegistryError: there is none.
    """
    return METRICS.build(METRICS.configure(name))
