"""A reader begun from a T5 computes what transformers does: states, logits, loss, gradients, answers."""

from itertools import product
from pathlib import Path

import pytest
import torch
from small_readers import small_batch
from t5_folders import KINDS, encoded, random_t5, save, t5_reader
from torch import Tensor
from torch.nn import functional as F
from transformers import T5ForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutput

from glimmer.models.generation import GenerationConfig
from glimmer.models.huggingface.names import decoder_rows, encoder_rows
from glimmer.models.huggingface.read import load_t5
from glimmer.models.huggingface.sizes import read_sizes
from glimmer.models.reader import Reader

Both = tuple[str, T5ForConditionalGeneration, Reader, Path]
CLOSE = {"atol": 1e-5, "rtol": 1e-5}
BATCH = small_batch((4, 2, 3))


@pytest.fixture(params=KINDS)
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Both:
    model = random_t5(request.param)
    reader = t5_reader(request.param)
    folder = save(model, tmp_path / "t5")
    assert load_t5(reader, folder) == []
    return request.param, model, reader, folder


def theirs(model: T5ForConditionalGeneration) -> Tensor:
    states, mask = encoded(model, BATCH)
    labels = BATCH.targets.ids.masked_fill(~BATCH.targets.mask, 0)
    output = model(encoder_outputs=BaseModelOutput(states), attention_mask=mask, labels=labels)
    logits: Tensor = output.logits
    return logits[BATCH.targets.mask]


def loss_of(logits: Tensor) -> Tensor:
    return F.cross_entropy(logits, BATCH.targets.ids[BATCH.targets.mask])


def test_encoder_states_are_theirs(both: Both) -> None:
    _, model, reader, _ = both
    with torch.no_grad():
        states, mask = encoded(model, BATCH)
        _, fused = reader.read(BATCH)
    for row in range(3):
        torch.testing.assert_close(fused.values[row][fused.mask[row]], states[row][mask[row].bool()], **CLOSE)


def test_logits_and_loss_are_theirs(both: Both) -> None:
    _, model, reader, _ = both
    with torch.no_grad():
        own, expected = reader(BATCH).logits, theirs(model)
    torch.testing.assert_close(own, expected, **CLOSE)
    torch.testing.assert_close(loss_of(own), loss_of(expected), **CLOSE)


def test_the_gradient_of_every_tensor_is_theirs(both: Both) -> None:
    _, model, reader, folder = both
    loss_of(reader(BATCH).logits).backward()
    loss_of(theirs(model)).backward()
    sizes, expected, own = read_sizes(folder), dict(model.named_parameters()), dict(reader.named_parameters())
    own["encoder.memory_relative_attention_bias.weight"] = own["encoder.live_relative_attention_bias.weight"]
    rows = [*encoder_rows(sizes), *decoder_rows(sizes)]
    assert {name for _, name, _ in rows} == set(expected)
    for name, their_name, _ in rows:
        torch.testing.assert_close(own[name].grad, expected[their_name].grad, **CLOSE)


@pytest.mark.parametrize("beams", [1, 4])
def test_answers_are_theirs(both: Both, beams: int) -> None:
    _, model, reader, _ = both
    reader.eos_id = -1
    likely = {
        token for row in reader.generate(BATCH, GenerationConfig(max_tokens=4, beams=beams)).tokens for token in row
    }
    lengths = set()
    with torch.no_grad():
        states, mask = encoded(model, BATCH)
    for end, length_penalty in product(sorted(likely), (0.0, 1.0, 2.0)):  # answers of random weights rarely end in 1
        with torch.no_grad():
            found = model.generate(
                encoder_outputs=BaseModelOutput(states),
                attention_mask=mask,
                num_beams=beams,
                max_new_tokens=7,
                length_penalty=length_penalty,
                do_sample=False,
                eos_token_id=end,
            )
        reader.eos_id = end
        expected = [row[: row.index(end)] if end in row else row for row in found[:, 1:].tolist()]
        config = GenerationConfig(max_tokens=7, beams=beams, length_penalty=length_penalty)
        assert reader.generate(BATCH, config).tokens == expected
        lengths |= {len(row) for row in expected}
    assert len(lengths) > 2
