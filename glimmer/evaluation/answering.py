"""Answer examples with a reader: batch them by length, decode, and tell which passages were ranked and read."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from tqdm import tqdm

from glimmer.data.collate import Collator
from glimmer.data.tokenizers import Tokenizer
from glimmer.data.values import Batch, Example
from glimmer.evaluation.predictions import Prediction, RankedPassage
from glimmer.models.base import Model
from glimmer.models.generation import GenerationConfig
from glimmer.models.values import Ranking


def answer_examples(
    model: Model,
    examples: Sequence[Example],
    collator: Collator,
    tokenizer: Tokenizer,
    generation: GenerationConfig,
    *,
    form: Callable[[str], str] = str,
    batch_size: int = 32,
    passages: int | None = None,
    device: torch.device | str = "cpu",
    progress: str | None = None,
) -> list[Prediction]:
    """Answer every example, in the order given.

    Questions of similar length share a batch; which ones do changes nothing but float noise. ``form`` turns
    decoded text into an answer (``Task.answer``). ``passages`` limits the
    candidates (the collator's number when ``None``); ``progress`` is the label of a progress bar, ``None`` shows none.
    The bar is shown on a terminal only.
    """
    order = sorted(range(len(examples)), key=lambda i: _length(examples[i]), reverse=True)
    found: dict[int, Prediction] = {}
    with (
        _inference(model),
        tqdm(total=len(order), desc=progress, unit="q", leave=False, disable=True if progress is None else None) as bar,
    ):
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            chosen = [examples[i] for i in rows]
            batch = collator(chosen, passages)
            generated = model.generate(batch.to(device), generation)
            texts = [form(tokenizer.decode(tokens).strip()) for tokens in generated.tokens]
            ranked = rank_passages(chosen, batch, generated.ranking)
            for i, example, text, score, places in zip(rows, chosen, texts, generated.scores, ranked, strict=True):
                question = example.record.input if example.record else example.prompt
                found[i] = Prediction(example.id, example.task, question, text, score, places)
            bar.update(len(rows))
    return [found[i] for i in range(len(examples))]


def rank_passages(examples: Sequence[Example], batch: Batch, ranking: Ranking) -> Iterator[tuple[RankedPassage, ...]]:
    """Tell, for every question of a batch, how its candidates were ranked and which were kept."""
    index, gold, retrieval = batch.index.tolist(), batch.gold.tolist(), batch.retrieval_scores.tolist()
    order: list[list[int]] = ranking.order.tolist()
    kept: list[list[int]] = ranking.kept.tolist()
    scores: list[list[float]] = ranking.scores.tolist()
    for b, example in enumerate(examples):
        texts = {candidate.passage.id: candidate.passage for candidate in example.candidates}
        slots = [slot for slot in order[b] if index[b][slot] >= 0]
        retrieved = {slot: rank for rank, slot in enumerate(sorted(slots), start=1)}
        yield tuple(
            RankedPassage(
                passage=texts[batch.passage_ids[index[b][slot]]],
                rank=rank,
                score=scores[b][slot],
                retrieved_rank=retrieved[slot],
                retrieval_score=retrieval[b][slot],
                read=slot in kept[b],
                gold=gold[b][slot],
            )
            for rank, slot in enumerate(slots, start=1)
        )


@contextmanager
def _inference(model: Model) -> Iterator[None]:
    """Switch dropout and gradients off, and the mode back afterwards."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def _length(example: Example) -> int:
    return len(example.prompt) + sum(len(candidate.passage.text) for candidate in example.candidates)
