"""BLEU and chrF by sacrebleu: scores of a whole corpus of answers, not means over questions."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from glimmer.evaluation.metrics.base import Metric, register_metric


class _CorpusMetric(Metric):
    @abstractmethod
    def _scorer(self, single: bool) -> BLEU | CHRF:
        """The sacrebleu object, for a single question or a corpus."""

    def score(self, prediction: str, answers: Sequence[str]) -> float:
        """The score of one question alone."""
        if not prediction.strip() or not answers:
            return 0.0
        return float(self._scorer(single=True).sentence_score(prediction, list(answers)).score) / 100

    def corpus(self, predictions: Sequence[str], answers: Sequence[Sequence[str]]) -> float:
        """The score of all predictions together, each with as many references as it has valid answers."""
        most = max(map(len, answers))
        streams: Any = [[row[i] if i < len(row) else None for row in answers] for i in range(most)]
        return float(self._scorer(single=False).corpus_score(list(predictions), streams).score) / 100


@register_metric("bleu")
class Bleu(_CorpusMetric):
    """Corpus BLEU-4 (sacrebleu's defaults), as a fraction."""

    def _scorer(self, single: bool) -> BLEU:
        return BLEU(effective_order=single)


@register_metric("chrf")
class ChrF(_CorpusMetric):
    """Corpus chrF, character 6-grams with beta 2 (sacrebleu's defaults), as a fraction."""

    def _scorer(self, single: bool) -> CHRF:
        return CHRF()
