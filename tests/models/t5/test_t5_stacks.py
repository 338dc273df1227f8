"""The encoder and the decoder against T5 v1.1 written a second time (``plain_t5``), under random weights."""

from typing import Any

import plain_t5
import pytest
import torch
from torch import Tensor, nn

from glimmer.data.values import States, Tokens
from glimmer.models.decoders import DECODERS, Decoder
from glimmer.models.encoders import ENCODERS, Encoder

SIZES: dict[str, Any] = {"heads": 4, "head_width": 6, "feed_forward": 24, "buckets": 8, "max_distance": 12}
VOCABULARY, WIDTH = 30, 16
LENGTHS = [20, 7, 1]
MODES = pytest.mark.parametrize("training", [True, False], ids=["explicit", "fused"])
"""Gradients are recorded, so attention is explicit, or they are not and it is fused; dropout is off in both."""


def randomise(module: nn.Module) -> None:
    """Weights of which none is 0 or 1, the norms' gains included."""
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape)
            parameter.copy_(noise * parameter.shape[-1] ** -0.5 if parameter.dim() > 1 else 1 + 0.3 * noise)


def encoder(live_layers: int = 3) -> Encoder:
    torch.manual_seed(0)
    made = ENCODERS.build(
        ENCODERS.configure("t5", layers=3, width=WIDTH, **SIZES), vocabulary=VOCABULARY, live_layers=live_layers
    )
    randomise(made)
    return made.eval()


def decoder(**options: Any) -> Decoder:
    torch.manual_seed(1)
    made = DECODERS.build(
        DECODERS.configure("t5", layers=4, **(SIZES | options)), embedding=nn.Embedding(VOCABULARY, WIDTH)
    )
    randomise(made)
    return made.eval()


def token_rows(lengths: list[int], seed: int) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(2, VOCABULARY, (n,), generator=generator).tolist() for n in lengths]


def assert_equal(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found.detach().double(), expected, atol=2e-5, rtol=1e-5)


@MODES
def test_the_encoder_is_t5_whatever_the_padding(training: bool) -> None:
    made, rows = encoder(), token_rows(LENGTHS, seed=2)
    w = plain_t5.weights_of(made)
    tokens = Tokens.pad(rows)
    with torch.set_grad_enabled(training):
        found = made.finish(made.run(made.embed(tokens), 0, 3, torch.ones(len(rows)))).values
    for states, row in zip(found, rows, strict=True):
        raw = plain_t5.encoder_layers(w, range(3), "live_relative_attention_bias", w["embedding.weight"][row], 12)
        assert_equal(states[: len(row)], plain_t5.norm(raw, w["final_norm.weight"]))


def test_memory_and_live_layers_have_a_position_table_each() -> None:
    made, (row,) = encoder(live_layers=1), token_rows([9], seed=2)
    w = plain_t5.weights_of(made)
    memory = made.run(made.embed(Tokens.pad([row])), 0, 2, None)
    expected = plain_t5.encoder_layers(w, range(2), "memory_relative_attention_bias", w["embedding.weight"][row], 12)
    assert_equal(memory.values[0], expected)
    live = made.run(memory, 2, 3, torch.tensor([4]))
    expected = plain_t5.encoder_layers(w, [2], "live_relative_attention_bias", expected, 12)
    assert_equal(live.values[0], expected)


@MODES
@pytest.mark.parametrize(
    "options",
    [{}, {"tie_output": True}, {"key_value_heads": 2}, {"width": 20}, {"cross_attention_period": 2}],
    ids=lambda options: next(iter(options), "plain"),
)
def test_the_decoder_is_t5_whatever_the_padding(options: dict[str, Any], training: bool) -> None:
    """An untied output has no scale, a tied one width^-0.5; few key-value heads and few layers that read are FiDO's."""
    made, targets = decoder(**options), token_rows([15, 4, 1], seed=3)
    w = plain_t5.weights_of(made)
    source = torch.randn(3, max(LENGTHS), WIDTH, generator=torch.Generator().manual_seed(4))
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    with torch.set_grad_enabled(training):
        found = made(Tokens.pad(targets).ids, States(source, mask))
    for logits, row, states, length in zip(found, targets, source.double(), LENGTHS, strict=True):
        expected = plain_t5.decode(w, torch.tensor(row), states[:length], max_distance=12)
        assert_equal(logits[: len(row)], expected)


@pytest.mark.parametrize(
    "options",
    [{}, {"key_value_heads": 2}, {"width": 20}, {"cross_attention_period": 2}],
    ids=lambda o: next(iter(o), "plain"),
)
def test_what_is_taught_to_look_is_what_decodes(options: dict[str, Any]) -> None:
    """``source_attention`` is q·k of the last head of the first layer that reads, as in a pass over the targets."""
    made, targets = decoder(**options), Tokens.pad(token_rows([6, 3], seed=3)).ids
    source = torch.randn(2, 9, WIDTH, generator=torch.Generator().manual_seed(4))
    seen: dict[str, Tensor] = {}
    reading = next(module for module in made.modules() if getattr(module, "cross_attention", None) is not None)
    for name in ("query", "key"):
        part = getattr(reading.cross_attention, name)
        part.register_forward_hook(
            lambda _, __, out, name=name: seen.__setitem__(name, out[..., -SIZES["head_width"] :])
        )
    with torch.no_grad():
        made(targets, States(source, torch.ones(2, 9, dtype=torch.bool)))
        torch.testing.assert_close(made.source_attention(targets, source), seen["query"] @ seen["key"].transpose(1, 2))
