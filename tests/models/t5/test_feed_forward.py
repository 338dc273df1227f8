"""T5's norm and feed-forward, worked out by hand."""

import math

import pytest
import torch

from glimmer.models.t5.feed_forward import FeedForward, RMSNorm


def test_the_norm_has_no_mean_and_no_bias() -> None:
    norm = RMSNorm(2)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([2.0, 1.0]))
    root = math.sqrt((3**2 + 4**2) / 2)
    assert norm(torch.tensor([3.0, 4.0])).tolist() == pytest.approx([2 * 3 / root, 4 / root])
    assert [name for name, _ in norm.named_parameters()] == ["weight"]


def test_epsilon_is_a_millionth_of_the_mean_square() -> None:
    assert RMSNorm(2)(torch.tensor([1e-3, -1e-3])).tolist() == pytest.approx([0.5**0.5, -(0.5**0.5)])
    assert RMSNorm(2)(torch.zeros(2)).tolist() == [0, 0]


def test_the_norm_of_half_precision_states_does_not_overflow() -> None:
    assert RMSNorm(2).half()(torch.tensor([300.0, -300.0]).half()).tolist() == [1, -1]


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("gated_gelu", 0.841192 * 3 * 2),  # erf's GELU of 1 is 0.841345
        ("gelu", 0.841192 * 2),
        ("relu", 1.0 * 2),
    ],
)
def test_activations(activation: str, expected: float) -> None:
    """One hidden unit: input 1, gate 3, output 2; the gate is linear."""
    layer = FeedForward(1, 1, activation, dropout=0.0)
    with torch.no_grad():
        for name, value in (("inner", 1.0), ("gate", 3.0), ("output", 2.0)):
            if name != "gate" or activation == "gated_gelu":
                layer.get_parameter(f"{name}.weight").fill_(value)
        assert float(layer(torch.ones(1))) == pytest.approx(expected, abs=2e-6)
