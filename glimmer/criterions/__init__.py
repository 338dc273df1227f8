"""Criterions: one training loss a file; the trainer minimises their weighted sum."""

from glimmer.criterions import cross_entropy, evidence_attention, gold_ranking, perplexity_distillation
from glimmer.criterions.base import CRITERIONS, Criterion, CriterionConfig, CriterionOutput, register_criterion

__all__ = [
    "CRITERIONS",
    "Criterion",
    "CriterionConfig",
    "CriterionOutput",
    "cross_entropy",
    "evidence_attention",
    "gold_ranking",
    "perplexity_distillation",
    "register_criterion",
]
