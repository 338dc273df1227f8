"""A fingerprint stands for all that a memory depends on, and for nothing else."""

from typing import Any

import pytest
import torch
from small_readers import small_batch, small_reader

from glimmer.memory.fingerprint import state_options
from glimmer.models.encoders import BertEncoderConfig

PLAIN = {"activation": "gelu"}
"""With the same parameters as relu."""


@pytest.mark.parametrize("options", [{"activation": "relu"}, {"max_distance": 10}])
def test_an_option_without_parameters_makes_another_memory_and_is_named(options: dict[str, Any]) -> None:
    one, other = small_reader(encoder_options=PLAIN), small_reader(encoder_options=PLAIN | options)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    with torch.no_grad():
        memories = [reader.encode_memory(small_batch().passages).values for reader in (one, other)]
    assert not torch.equal(*memories)
    assert one.memory_fingerprint().difference(other.memory_fingerprint()).startswith("encoder options (")


def test_another_kind_of_encoder_makes_another_memory() -> None:
    one, other = small_reader(), small_reader()
    other.encoder.config.name = "one_way"
    assert "encoder options" in one.memory_fingerprint().difference(other.memory_fingerprint())


def test_another_split_makes_another_memory_and_is_named() -> None:
    one, other = small_reader(live=2), small_reader(live=1)
    assert "memory layers (2 against 3)" in one.memory_fingerprint().difference(other.memory_fingerprint())


def test_dropout_changes_no_stored_memory() -> None:
    one, other = (small_reader(encoder_options={"dropout": dropout}) for dropout in (0.0, 0.1))
    assert one.memory_fingerprint() == other.memory_fingerprint()


def test_no_kind_of_dropout_changes_what_an_encoder_stores() -> None:
    without = BertEncoderConfig(dropout=0.0, attention_dropout=0.0)
    assert state_options(without) == state_options(BertEncoderConfig())
    assert state_options(BertEncoderConfig(epsilon=1e-5)) != state_options(BertEncoderConfig())
