"""Int8 is half a step off at most, whatever the token's scale."""

import pytest
import torch
from small_codecs import decoded, encoded, with_ids

from glimmer.errors import StoreError
from glimmer.memory import CODECS, Codec


def int8(width: int) -> Codec:
    return CODECS.build(CODECS.configure("int8"), width=width)


def test_an_error_is_half_a_step_at_most_for_tokens_of_every_scale() -> None:
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(200, 48, generator=generator) * torch.logspace(-30, 30, 200)[:, None]
    states[::7, 3] *= 500  # the few large dimensions of a residual stream
    restored = decoded(int8(48), encoded(int8(48), states))
    step = states.abs().amax(1, keepdim=True) / 127
    assert ((restored - states).abs() / step).max() <= 0.5 * (1 + 1e-4)
    assert ((restored - states).abs() / step).max() > 0.4


def test_a_row_is_signed_bytes_and_a_little_endian_scale() -> None:
    rows = encoded(int8(3), torch.tensor([[-254.0, 127.0, 2.9]]))
    assert bytes(rows[0].tolist()) == b"\x81\x40\x01" + b"\x00\x00\x00\x40"  # −127, 64 (63.5 to even), 1; 2.0
    assert decoded(int8(3), rows).tolist() == [[-254.0, 128.0, 2.0]]
    assert int8(3).bytes_per_token == 3 + 4


def test_extremes_are_symmetric_and_nothing_stays_nothing() -> None:
    states = torch.tensor([[5.0, -5.0], [0.0, 0.0]])
    assert torch.equal(decoded(int8(2), encoded(int8(2), states)), states)


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["int8", "product"])
def test_what_no_integer_stands_for_is_refused(name: str, value: float) -> None:
    codec = CODECS.build(CODECS.configure(name), width=8)
    if codec.sample:
        codec.fit(with_ids([torch.zeros(3, 8)]))
    with pytest.raises(StoreError, match=f"infinite or NaN, which codec {name} cannot store"):
        encoded(codec, torch.full((1, 8), value))
