"""A FiDO decoder begins from a T5's: layers and heads are dropped or averaged, and it says so."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from small_readers import small_batch
from t5_folders import random_t5, save, t5_reader
from torch import Tensor

from glimmer.errors import CheckpointError
from glimmer.models.huggingface.read import load_t5
from glimmer.training.build import initialise

FIDO: dict[str, Any] = {"layers": 2, "key_value_heads": 2, "cross_attention_period": 2}
KEY, NORM = "attention.key.weight", "feed_forward_norm.weight"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(random_t5("1.1", num_decoder_layers=4), tmp_path_factory.mktemp("t5") / "t5")


@pytest.fixture(scope="module")
def full(folder: Path) -> dict[str, Tensor]:
    reader = t5_reader(decoder={"layers": 4})
    load_t5(reader, folder)
    return {name: p.detach() for name, p in reader.decoder.named_parameters()}


def heads(weight: Tensor) -> Tensor:
    """``[groups, heads of a group, head width, width]``."""
    return weight.view(2, 2, 8, 32)


@pytest.mark.parametrize("how", ["drop", "mean_heads", "mean"])
def test_layers_and_heads_are_dropped_or_averaged(folder: Path, full: dict[str, Tensor], how: str) -> None:
    reader = t5_reader(decoder=FIDO)
    load_t5(reader, folder, reduce=how)
    for layer in range(2):
        group = [2 * layer, 2 * layer + 1] if how == "mean" else [2 * layer]
        norm = torch.stack([full[f"blocks.{i}.{NORM}"] for i in group]).mean(0)
        torch.testing.assert_close(reader.decoder.get_parameter(f"blocks.{layer}.{NORM}"), norm)
        key = heads(torch.stack([full[f"blocks.{i}.{KEY}"] for i in group]).mean(0))
        expected = (key[:, 0] if how == "drop" else key.mean(1)).reshape(16, 32)
        torch.testing.assert_close(reader.decoder.get_parameter(f"blocks.{layer}.{KEY}"), expected)
    assert torch.isfinite(reader(small_batch()).logits).all()


def test_one_head_is_the_mean_of_all(folder: Path, full: dict[str, Tensor]) -> None:
    reader = t5_reader(decoder={"layers": 4, "key_value_heads": 1})
    load_t5(reader, folder, reduce="mean_heads")
    mean = full[f"blocks.3.cross_{KEY}"].view(4, 8, 32).mean(0)
    torch.testing.assert_close(reader.decoder.get_parameter(f"blocks.3.cross_{KEY}"), mean)


def test_grouped_heads_that_were_equal_compute_what_they_did(tmp_path: Path) -> None:
    model = random_t5("1.1")
    with torch.no_grad():
        for name, weight in model.decoder.named_parameters():
            if name.endswith((".k.weight", ".v.weight")):
                heads(weight)[:, 1] = heads(weight)[:, 0]
    made = save(model, tmp_path / "t5")
    grouped, plain = t5_reader(decoder={"key_value_heads": 2}), t5_reader()
    load_t5(grouped, made, reduce="mean_heads")
    load_t5(plain, made)
    with torch.no_grad():
        torch.testing.assert_close(grouped(small_batch()).logits, plain(small_batch()).logits, atol=1e-5, rtol=1e-5)


def test_a_reduction_must_be_asked_for_and_is_said_once(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CheckpointError, match=r"smaller than its T5 \(2 decoder layers.*trainer\.reduce=drop, mean_h"):
        load_t5(t5_reader(decoder=FIDO), folder)
    initialise(t5_reader(decoder=FIDO), str(folder), reduce="mean_heads")
    assert [(record.levelno, record.getMessage().split(": ", 1)[1]) for record in caplog.records] == [
        (logging.WARNING, "2 decoder layers begin as the first of each group of 4"),
        (logging.WARNING, "2 key-value heads begin as the mean of each group of 4"),
        (logging.WARNING, "cross-attention is left out of layers i where (i + 1) mod 2 is not 0"),
    ]
    caplog.clear()
    monkeypatch.setenv("RANK", "1")
    initialise(t5_reader(decoder=FIDO), str(folder), reduce="mean_heads")
    assert not caplog.records


def test_a_decoder_cannot_grow(folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"decoder\.layers = 4 and not 5"):
        load_t5(t5_reader(decoder={"layers": 5}), folder, reduce="drop")
