"""What runs in every update looks at no value on an accelerator: the host would wait for it."""

import pytest
import torch
from small_readers import small_reader
from torch import Tensor


def test_the_encoder_s_bias_is_made_without_a_look_at_the_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    def own_type(tensor: Tensor) -> torch.dtype:
        return tensor.dtype

    monkeypatch.setattr("glimmer.models.encoders.t5.product_type", own_type)  # autocast knows no meta device
    encoder = small_reader().encoder.to("meta")  # there are no values there; to read one is an error
    mask = torch.ones(2, 5, dtype=torch.bool, device="meta")
    assert encoder.attention_bias(mask, paired=False).shape == (2, 4, 5, 5)
