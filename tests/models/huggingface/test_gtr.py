"""GTR: the vectors are those of transformers' encoder, pooled, projected and normalised."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from small_readers import small_batch
from t5_folders import random_t5, save
from torch.nn import functional as F
from transformers import T5EncoderModel

from glimmer.errors import CheckpointError
from glimmer.models.huggingface.gtr import load_gtr

DENSE = {
    "in_features": 32,
    "out_features": 20,
    "bias": False,
    "activation_function": "torch.nn.modules.linear.Identity",
}
TOKENS = small_batch((4, 2, 3)).passages


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = random_t5("1.0")
    encoder = T5EncoderModel(model.config)
    encoder.load_state_dict(model.state_dict(), strict=False)
    encoder.save_pretrained(tmp_path / "gtr")
    modules = {"1_Pooling": {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}, "2_Dense": DENSE}
    for name, config in modules.items():
        (tmp_path / "gtr" / name).mkdir()
        (tmp_path / "gtr" / name / "config.json").write_text(json.dumps(config))
    weight = torch.randn(20, 32, generator=torch.Generator().manual_seed(4))
    torch.save({"linear.weight": weight}, tmp_path / "gtr" / "2_Dense" / "pytorch_model.bin")
    return tmp_path / "gtr"


def test_vectors_are_the_projected_mean_of_length_1(folder: Path) -> None:
    model = load_gtr(folder)
    theirs = T5EncoderModel.from_pretrained(folder).eval()
    weight = torch.load(folder / "2_Dense" / "pytorch_model.bin")["linear.weight"]
    with torch.no_grad():
        states = theirs(input_ids=TOKENS.ids, attention_mask=TOKENS.mask.long()).last_hidden_state
        means = torch.stack([row[mask].mean(0) for row, mask in zip(states, TOKENS.mask, strict=True)])
        torch.testing.assert_close(model(TOKENS), F.normalize(means @ weight.T, dim=1), atol=1e-5, rtol=1e-5)


def test_a_decoder_beside_the_encoder_is_left_out(folder: Path, tmp_path: Path) -> None:
    whole = save(random_t5("1.0"), tmp_path / "whole")
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_bytes((whole / name).read_bytes())
    assert load_gtr(folder)(TOKENS).shape == (9, 20)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}, "expected the mean of all tokens"),
        ("2_Dense/config.json", {**DENSE, "bias": True}, "expected no bias and no activation"),
        (
            "2_Dense/config.json",
            {**DENSE, "activation_function": "torch.nn.modules.activation.Tanh"},
            "expected no bias",
        ),
        (
            "2_Dense/config.json",
            {**DENSE, "out_features": 9},
            r"expected linear\.weight \(9, 32\), found .* \(20, 32\)",
        ),
        ("2_Dense/config.json", None, "expected GTR's projection"),
    ],
)
def test_modules_that_are_not_gtrs(folder: Path, file: str, content: object, message: str) -> None:
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=message):
        load_gtr(folder)


def test_a_projection_of_other_tensors(folder: Path) -> None:
    (folder / "2_Dense" / "pytorch_model.bin").unlink()
    save_file({"weight": torch.ones(20, 32)}, folder / "2_Dense" / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"expected linear\.weight \(20, 32\), found weight \(20, 32\)"):
        load_gtr(folder)
