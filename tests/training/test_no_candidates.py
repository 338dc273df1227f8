"""A retriever may find nothing: such questions train and are answered, alone or beside others, in any precision."""

import pytest
import torch
from small_readers import small_reader

from glimmer.criterions import CRITERIONS
from glimmer.data.collate import Collator, CollatorConfig
from glimmer.data.tokenizers import TOKENIZERS, Tokenizer, train_tokenizer
from glimmer.data.values import Candidate, Example, Passage
from glimmer.models.generation import GenerationConfig
from glimmer.training.update import accumulate_gradients

TEXT = "capital town river of land one two three question answer"
SELECTORS = {"all": {}, "top_m": {"kept": 2}, "gumbel_top_m": {"kept": 2}, "threshold": {}}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TOKENIZERS.configure("bpe", vocabulary=400), [TEXT] * 20)


def example(passages: int) -> Example:
    texts = ["the capital is town", "the river is one", "land two three"][:passages]
    found = tuple(Candidate(Passage(f"p{i}", "land", text), -float(i), i == 0) for i, text in enumerate(texts))
    return Example(f"q{passages}", "open_qa", "capital of land", "town", ("town",), found)


@pytest.mark.parametrize("counts", [(3, 0), (0, 0)], ids=str)
@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("selector", SELECTORS)
def test_questions_without_candidates_train_under_every_criterion(
    tokenizer: Tokenizer, counts: tuple[int, ...], bf16: bool, selector: str
) -> None:
    reader = small_reader(vocabulary=tokenizer.vocabulary, selector=selector, selector_options=SELECTORS[selector])
    reader.train()
    batch = Collator(CollatorConfig(), tokenizer)([example(count) for count in counts], training=True)
    criterions = {entry.name: CRITERIONS.build(entry.config()) for entry in CRITERIONS}
    gradients = accumulate_gradients(reader, criterions, [batch], dict.fromkeys(criterions, 1.0), bf16=bf16)
    (_, losses) = gradients.losses[0]
    assert losses.isfinite().all()
    assert (losses[list(criterions).index("cross_entropy")] > 0).all()
    found = [p.grad for p in reader.parameters() if p.grad is not None]
    assert found
    assert all(gradient.isfinite().all() for gradient in found)


@pytest.mark.parametrize("counts", [(3, 0), (0, 0)], ids=str)
@pytest.mark.parametrize("bf16", [False, True])
def test_questions_without_candidates_are_answered(tokenizer: Tokenizer, counts: tuple[int, ...], bf16: bool) -> None:
    reader = small_reader(vocabulary=tokenizer.vocabulary, selector="top_m", selector_options={"kept": 2})
    batch = Collator(CollatorConfig(), tokenizer)([example(count) for count in counts])
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        generated = reader.generate(batch, GenerationConfig(max_tokens=3))
    assert torch.tensor(generated.scores).isfinite().all()
    assert generated.ranking.kept[1].tolist() == [-1] * generated.ranking.kept.shape[1]
