"""Evaluate a reader on a task: answers against the valid ones, and passages against the gold ones.

All figures are fractions, 0 to 1; only reports turn them into percentages. A figure over no questions is left out.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from statistics import fmean
from typing import Any

import torch

from glimmer.data.collate import Collator
from glimmer.data.tokenizers import Tokenizer
from glimmer.data.values import Example
from glimmer.errors import ConfigError, DataError
from glimmer.evaluation.answering import answer_examples
from glimmer.evaluation.metrics import Metric, build_metric
from glimmer.evaluation.predictions import Prediction, RankedPassage
from glimmer.evaluation.retrieval import Evidence, evidence_sets, r_precision, rank_evidence
from glimmer.models.base import Model
from glimmer.models.generation import GenerationConfig
from glimmer.tasks.base import Task
from glimmer.tasks.supervised import SupervisedTask

RECALL_AT = (1, 5, 20)
RANKINGS = ("retrieved", "reranked")

Ranked = Mapping[str, Sequence[str]]
"""Record id → ranked ids, of passages or of pages."""
EvidenceSets = tuple[Evidence, ...]


@dataclass(frozen=True)
class GoldCounts:
    """Gold passages, summed over all questions."""

    passages: int
    retrieved: int
    """Of them, those among the candidates."""
    read: int
    """Of them, those that the decoder read."""


@dataclass(frozen=True)
class TaskResult:
    """What one evaluation of one task measured."""

    task: str
    split: str
    metric: str
    """Name of the headline metric."""
    metrics: dict[str, float]
    """Every figure by name; fractions, 0 to 1."""
    questions: int
    """Questions that have an answer to be scored by."""
    gold: GoldCounts
    predictions: tuple[Prediction, ...]
    """In the order of the task's examples."""

    @property
    def score(self) -> float:
        """The headline metric over all questions that have an answer."""
        return self.metrics[self.metric]

    def summary(self) -> dict[str, Any]:
        """Everything but the predictions, as plain types."""
        return {
            "metric": self.metric,
            "score": self.score,
            "questions": self.questions,
            "gold_passages": asdict(self.gold),
            "metrics": self.metrics,
        }


def evaluate_task(
    model: Model,
    task: Task,
    split: str,
    collator: Collator,
    tokenizer: Tokenizer,
    generation: GenerationConfig,
    *,
    limit: int | None = None,
    batch_size: int = 32,
    passages: int | None = None,
    device: torch.device | str = "cpu",
    progress: bool = False,
) -> TaskResult:
    """Answer a split of a task and score the answers and the passages read.

    ``limit`` takes that many examples, evenly spread over the split; ``passages`` is the number of candidates.

    Raises:
        ConfigError: the task has no evaluation data of its own, or ``limit`` is below 1.
        DataError: the split has no examples, or none with an answer.
    """
    examples = evaluation_examples(task, split, limit)
    label = f"{task.key} {split}" if progress else None
    predictions = answer_examples(
        model,
        examples,
        collator,
        tokenizer,
        generation,
        form=task.answer,
        batch_size=batch_size,
        passages=passages,
        device=device,
        progress=label,
    )
    return score_predictions(task, split, examples, predictions)


def evaluation_examples(task: Task, split: str, limit: int | None = None) -> list[Example]:
    """The examples of a split, the same in every call; ``limit`` takes that many, evenly spread.

    Raises:
        ConfigError: the task has no evaluation data of its own, or ``limit`` is below 1.
        DataError: the split has no examples.
    """
    if not task.supervised:
        raise ConfigError(f"tasks.{task.key} is self-supervised and has no evaluation data; evaluate another task")
    if limit is not None and limit < 1:
        raise ConfigError(f"the limit of examples must be at least 1, found {limit}")
    size = _size(task, split)
    count = size if limit is None else min(limit, size)
    rows = [i * size // count for i in range(count)]
    return [task.example(split, row, random.Random(f"{task.key}/{split}/{row}")) for row in rows]


def check_split(task: Task, split: str) -> None:
    """Refuse a split that the task cannot be evaluated on, without retrieving or answering anything.

    Raises:
        DataError: the split is missing, broken or empty, or has no answers (a blind test set).
    """
    _size(task, split)
    if isinstance(task, SupervisedTask) and not any(record.answers for record in task.records(split)):
        raise _unanswered(task, split)


def _size(task: Task, split: str) -> int:
    size = task.size(split)
    if size == 0:
        raise DataError(f"tasks.{task.key} has no examples in the split {split!r}")
    return size


def _unanswered(task: Task, split: str) -> DataError:
    return DataError(f"tasks.{task.key}: no record of the split {split!r} has an answer to compare with")


def figure_names(metrics: Sequence[str]) -> list[str]:
    """Every figure that ``score_predictions`` can give for a task with these metrics, the headline first."""
    names = [*metrics, "gold_recall_read", "gold_kept_of_retrieved"]
    names += [f"questions_{what}" for what in ("gold_read", "evidence_read", "gold_kept")]
    names += [f"{headline}_when_{what}_read" for headline in metrics[:1] for what in ("gold", "evidence")]
    names += [f"kilt_{metric}" for metric in metrics if build_metric(metric).per_question]
    for ranking in RANKINGS:
        names += [
            f"{ranking}_r_precision",
            *(f"{ranking}_{what}@{k}" for what in ("recall", "gold") for k in RECALL_AT),
        ]
    return names


def score_predictions(
    task: Task, split: str, examples: Sequence[Example], predictions: Sequence[Prediction]
) -> TaskResult:
    """Score the answers to ``examples``; those without a valid answer do not count.

    Where records tell what is gold by page, as KILT's own do, pages take the place of passages in all figures.

    Figures beside the task's own metrics, of the gold passages of all questions together:

    - ``gold_recall_read``: the share that the decoder read;
    - ``gold_kept_of_retrieved``: of those among the candidates, the share that the decoder read.

    And of the questions with gold passages:

    - ``questions_gold_read``: share with a gold passage among those the decoder read;
    - ``questions_evidence_read``: share with a whole evidence set read (both passages of a two-hop question);
    - ``questions_gold_kept``: of those with a gold candidate, the share with one among those read;
    - ``METRIC_when_gold_read``, ``METRIC_when_evidence_read``: the headline metric over these questions alone;
    - ``kilt_METRIC``: a metric where R-precision after reranking is 1, else 0 (KILT's scores, by passage), for every
      metric that is a mean over questions;
    - ``retrieved_…`` and ``reranked_…``: R-precision, recall@k and gold@k (the share of questions with any gold passage
      among the first k) in retrieval order and after reranking.

    Raises:
        DataError: no example has a valid answer.
    """
    pairs = [(e, p) for e, p in zip(examples, predictions, strict=True) if e.answers]
    if not pairs:
        raise _unanswered(task, split)
    own = [build_metric(name) for name in task.metrics]
    headline = own[0]
    metrics = {metric.name: _score(metric, pairs) for metric in own}
    evidence = {e.id: _evidence(e) for e in examples}
    known = [p for p in predictions if evidence[p.id]]
    gold = {p.id: frozenset[str]().union(*evidence[p.id]) for p in known}
    by_page = {e.id for e in examples if e.record is not None and e.record.by_page}

    def ids(p: Prediction, passages: Sequence[RankedPassage]) -> list[str]:
        return [ranked.passage.wikipedia_id or "" if p.id in by_page else ranked.id for ranked in passages]

    read: Ranked = {p.id: ids(p, p.read) for p in known}
    rankings: dict[str, Ranked] = {
        "retrieved": {p.id: ids(p, p.retrieved) for p in known},
        "reranked": {p.id: ids(p, p.passages) for p in known},
    }
    retrieved, reranked = rankings["retrieved"], rankings["reranked"]

    def share(name: str, chosen: Sequence[Prediction], holds: Callable[[Prediction], float]) -> None:
        if chosen:
            metrics[name] = fmean(map(holds, chosen))

    def gold_read(p: Prediction) -> bool:
        return not gold[p.id].isdisjoint(read[p.id])

    def evidence_read(p: Prediction) -> bool:
        return any(found.issubset(read[p.id]) for found in evidence[p.id])

    counts = GoldCounts(
        passages=sum(map(len, gold.values())),
        retrieved=sum(len(gold[p.id].intersection(retrieved[p.id])) for p in known),
        read=sum(len(gold[p.id].intersection(read[p.id])) for p in known),
    )
    for name, whole in (("gold_recall_read", counts.passages), ("gold_kept_of_retrieved", counts.retrieved)):
        if whole:
            metrics[name] = counts.read / whole
    share("questions_gold_read", known, gold_read)
    share("questions_evidence_read", known, evidence_read)
    share("questions_gold_kept", [p for p in known if not gold[p.id].isdisjoint(retrieved[p.id])], gold_read)
    for name, holds in (("gold", gold_read), ("evidence", evidence_read)):
        where = [(e, p) for e, p in pairs if p.id in gold and holds(p)]
        if where:
            metrics[f"{headline.name}_when_{name}_read"] = _score(headline, where)
    if known:
        proven = [(e, p) for e, p in pairs if p.id in gold and r_precision(reranked[p.id], evidence[p.id]) == 1]
        for metric in own:
            if metric.per_question:
                total = sum(metric.score(p.answer, e.answers) for e, p in proven if p.answer.strip())
                metrics[f"kilt_{metric.name}"] = total / len(pairs)
    for stage, ranked in rankings.items():
        share(f"{stage}_r_precision", known, partial(_r_precision, ranked, evidence))
        for k in RECALL_AT:
            share(f"{stage}_recall@{k}", known, partial(_recall_at, k, ranked, evidence))
            share(f"{stage}_gold@{k}", known, partial(_gold_at, k, ranked, gold))
    return TaskResult(task.key, split, headline.name, metrics, len(pairs), counts, tuple(predictions))


def _score(metric: Metric, pairs: Sequence[tuple[Example, Prediction]]) -> float:
    return metric.corpus([p.answer for _, p in pairs], [e.answers for e, _ in pairs])


def _evidence(example: Example) -> tuple[Evidence, ...]:
    """The evidence sets of an example: its record's, or its gold candidates where it has no record."""
    if example.record is not None:
        return evidence_sets(example.record)
    flagged = frozenset(c.passage.id for c in example.candidates if c.gold)
    return (flagged,) if flagged else ()


def _r_precision(ranked: Ranked, evidence: Mapping[str, EvidenceSets], prediction: Prediction) -> float:
    return r_precision(ranked[prediction.id], evidence[prediction.id])


def _recall_at(k: int, ranked: Ranked, evidence: Mapping[str, EvidenceSets], prediction: Prediction) -> float:
    return rank_evidence(ranked[prediction.id], evidence[prediction.id]).recall(k)


def _gold_at(k: int, ranked: Ranked, gold: Mapping[str, Evidence], prediction: Prediction) -> float:
    return float(not gold[prediction.id].isdisjoint(ranked[prediction.id][:k]))
