"""Answer metrics: how good a predicted answer is, given all valid answers."""

from glimmer.evaluation.metrics import corpus, rouge, text
from glimmer.evaluation.metrics.base import METRICS, Metric, MetricConfig, build_metric, mean, register_metric

__all__ = ["METRICS", "Metric", "MetricConfig", "build_metric", "corpus", "mean", "register_metric", "rouge", "text"]
