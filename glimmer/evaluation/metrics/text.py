"""Exact match, F1 and accuracy as KILT computes them (arXiv 2009.02252, its downstream evaluation)."""

import re
import string
from collections import Counter
from collections.abc import Sequence

from glimmer.evaluation.metrics.base import Metric, register_metric

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalise(text: str) -> str:
    """Lower-case, without ASCII punctuation and English articles, words one space apart."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


@register_metric("exact_match")
class ExactMatch(Metric):
    """1 where the normalised prediction equals a normalised answer."""

    def score(self, prediction: str, answers: Sequence[str]) -> float:
        """1 or 0."""
        found = normalise(prediction)
        return float(any(normalise(answer) == found for answer in answers))


@register_metric("f1")
class F1(Metric):
    """Harmonic mean of precision and recall over the words of the normalised texts."""

    def score(self, prediction: str, answers: Sequence[str]) -> float:
        """The best F1 over the answers."""
        found = Counter(normalise(prediction).split())
        return max((_f1(found, Counter(normalise(answer).split())) for answer in answers), default=0.0)


@register_metric("accuracy")
class Accuracy(Metric):
    """1 where the prediction is one of the answers to the letter, blanks around it aside."""

    def score(self, prediction: str, answers: Sequence[str]) -> float:
        """1 or 0; case counts."""
        return float(prediction.strip() in {answer.strip() for answer in answers})


def _f1(found: Counter[str], valid: Counter[str]) -> float:
    common = (found & valid).total()
    if common == 0:
        return 0.0
    precision, recall = common / found.total(), common / valid.total()
    return 2 * precision * recall / (precision + recall)
