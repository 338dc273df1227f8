"""The pointer decoder: what it points at, and step by step as teacher-forced."""

import pytest
import torch
from torch import Tensor, nn

from glimmer.models.decoders import PointerDecoder, PointerDecoderConfig
from glimmer.models.generation import GenerationConfig, search
from glimmer.models.initialisers import INITIALISERS
from glimmer.models.values import Source

VOCABULARY, WIDTH = 20, 16


@pytest.fixture
def decoder() -> PointerDecoder:
    """A small decoder, not in training."""
    torch.manual_seed(0)
    config = PointerDecoderConfig(
        name="pointer", layers=2, heads=2, head_width=8, feed_forward=24, pointer_width=8, tie_output=True
    )
    made = PointerDecoder(config, nn.Embedding(VOCABULARY, WIDTH))
    INITIALISERS.build(INITIALISERS.configure("t5"))(made)
    return made.eval()


def _source(ids: list[list[int]], real: list[int] | None = None) -> Source:
    made = torch.tensor(ids)
    lengths = torch.tensor(real or [made.shape[1]] * len(ids))
    torch.manual_seed(1)
    values = torch.randn(*made.shape, WIDTH)
    return Source(values, torch.arange(made.shape[1])[None] < lengths[:, None], made)


def _only_point(decoder: PointerDecoder) -> None:
    """Leave nothing to the vocabulary."""
    nn.init.zeros_(decoder.pointer_gate.weight)
    nn.init.constant_(decoder.pointer_gate.bias, 50.0)


def test_probabilities_sum_to_one_and_padding_has_none(decoder: PointerDecoder) -> None:
    """A mixture of two distributions is one; what is masked is never pointed at."""
    source = _source([[3, 4, 5, 6, 19, 19], [7, 8, 9, 9, 9, 8]], real=[4, 6])
    targets = torch.tensor([[3, 4, 1], [9, 8, 1]])
    torch.testing.assert_close(decoder(targets, source).exp().sum(-1), torch.ones(2, 3))
    _only_point(decoder)
    pointed = decoder(targets, source).exp()
    assert pointed[0, :, 19].max() < 1e-9
    assert pointed[0, :, 3:7].sum(-1).min() > 0.999
    assert pointed[1, :, 7:10].sum(-1).min() > 0.999


def test_the_tokens_that_are_wanted_are_predicted_as_all_are(decoder: PointerDecoder) -> None:
    source = _source([[3, 4, 5, 6, 19, 19], [7, 8, 9, 9, 9, 8]], real=[4, 6])
    targets, wanted = torch.tensor([[3, 4, 1], [9, 1, 0]]), torch.tensor([[True, True, True], [True, True, False]])
    torch.testing.assert_close(decoder(targets, source, wanted), decoder(targets, source)[wanted])


def test_equal_tokens_share_what_points_at_them(decoder: PointerDecoder) -> None:
    """A token's probability is the sum over its places."""
    _only_point(decoder)
    source = _source([[3, 4, 3, 5]])
    renamed = Source(source.values, source.mask, torch.tensor([[3, 4, 6, 5]]))
    first, apart = (decoder(torch.tensor([[1]]), given).exp()[0, 0] for given in (source, renamed))
    torch.testing.assert_close(first[3], apart[3] + apart[6])


def test_what_was_begun_goes_on(decoder: PointerDecoder) -> None:
    """With contents left aside, the token behind the longest run is the likeliest."""
    _only_point(decoder)
    nn.init.zeros_(decoder.pointer_key.weight)
    source = _source([[3, 4, 5, 9, 4, 6, 3, 4, 7]])
    steps = decoder(torch.tensor([[9, 4, 6, 3, 1]]), source).exp()[0]
    assert steps[1].argmax() == 4  # behind 9
    assert steps[2].argmax() == 6  # behind 9 4, though 5 and 7 stand behind a 4 too
    assert steps[2, 5] > steps[2, 9]
    assert steps[3].argmax() == 3  # behind 9 4 6


@pytest.mark.parametrize("beams", [1, 3])
def test_steps_are_what_teacher_forcing_says(decoder: PointerDecoder, beams: int) -> None:
    """The score of what search finds is the mean log-likelihood that the whole sequence has."""
    source = _source([[3, 4, 5, 9, 4, 6], [7, 8, 9, 9, 2, 2]], real=[6, 4])
    config = GenerationConfig(max_tokens=5, beams=beams)
    answers, scores = search(decoder, source, config, eos=1)
    for row, (answer, score) in enumerate(zip(answers, scores, strict=True)):
        whole = torch.tensor([[*answer, 1]][:5])[:, :5]
        alone = source.rows(torch.tensor([row]))
        log_p = decoder(whole, alone).gather(2, whole[..., None])
        assert log_p.mean().item() == pytest.approx(score, abs=1e-4)


def test_beams_keep_their_own_runs(decoder: PointerDecoder) -> None:
    """Reordered beams take the run of the answer that they go on with."""
    source = _source([[3, 4, 5, 9, 4, 6]])
    cache = decoder.start(source, 2)
    decoder.step(torch.tensor([0, 0]), cache)
    decoder.step(torch.tensor([3, 9]), cache)
    cache.reorder(torch.tensor([1, 1]))
    found = decoder.step(torch.tensor([4, 4]), cache)
    expected = decoder(torch.tensor([[9, 4, 1]]), source)[0, 2]
    for row in found:
        torch.testing.assert_close(row, expected, atol=1e-5, rtol=1e-4)


def test_without_a_source_the_vocabulary_answers(decoder: PointerDecoder) -> None:
    """A question without passages still gets finite log-probabilities, in proportion to the vocabulary's."""
    source = Source(torch.zeros(1, 1, WIDTH), torch.zeros(1, 1, dtype=torch.bool), torch.zeros(1, 1, dtype=torch.long))
    targets = torch.tensor([[3, 1]])
    given: Tensor = torch.log_softmax(decoder(targets, source), -1)
    torch.testing.assert_close(given, torch.log_softmax(decoder.predict(decoder.states(targets, source)), -1))
