"""Weights on disk: a head's go into the same head alone, and what is to start anew is left out."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from small_readers import small_reader

from glimmer.errors import CheckpointError, ConfigError
from glimmer.models.reader import Reader
from glimmer.models.weights import load_weights, save_weights
from glimmer.training.build import initialise
from glimmer.training.checkpoint import save_checkpoint
from glimmer.training.config import TrainerConfig

HEADS: list[dict[str, Any]] = [
    {"reranker": "first_token"},
    {"reranker": "mean_pool"},
    {"reranker": "max_pool"},
    {"reranker": "max_pool", "reranker_options": {"normalise": False}},
    {"reranker": "max_sim", "reranker_options": {"dimensions": 4}},
    {"reranker": "max_sim", "reranker_options": {"dimensions": 8}},
    {"reranker": "none"},
]


def loaded(saved: Reader, into: Reader, path: Path, fresh: str | None = None) -> list[str]:
    """The names of the parameters that keep their initial values when the weights of ``saved`` are loaded."""
    for parameter in saved.parameters():
        parameter.data += 1  # also what begins as ones or zeros
    initial = {name: p.detach().clone() for name, p in into.named_parameters()}
    given = dict(saved.named_parameters())
    if path.suffix == ".pt":
        config = {"reranker": {"name": saved.reranker.config.name}, "encoder": {}, "model": {}}
        save_checkpoint(path, {"model": saved.state_dict(), "config": config})
        initialise(into, str(path), fresh)
    else:
        save_weights(saved, path)
        load_weights(into, path, fresh)
    kept = [name for name, p in into.named_parameters() if torch.equal(p, initial[name])]
    assert all(torch.equal(p, given[name]) for name, p in into.named_parameters() if name not in kept)
    return kept


@pytest.mark.parametrize("file", ["weights.safetensors", "last.pt"])
@pytest.mark.parametrize("saved", HEADS, ids=str)
@pytest.mark.parametrize("into", HEADS, ids=str)
def test_a_heads_weights_go_into_the_same_head_alone(
    tmp_path: Path, saved: dict[str, Any], into: dict[str, Any], file: str
) -> None:
    reader = small_reader(**into, seed=2)
    kept = loaded(small_reader(**saved, seed=1), reader, tmp_path / file)
    own = [name for name, _ in reader.named_parameters() if name.startswith("reranker.")]
    assert kept == ([] if saved == into else own)


@pytest.mark.parametrize("has", [False, True])
def test_the_weight_of_the_retrievers_score_may_be_added_or_left_behind(tmp_path: Path, has: bool) -> None:
    saved, into = (
        small_reader(reranker="max_pool", reranker_options={"retrieval_score": s, "by_question": s}, seed=seed)
        for s, seed in ((has, 1), (not has, 2))
    )
    added = ["reranker.retrieval_weight", "reranker.retrieval_gate.direction"]
    assert loaded(saved, into, tmp_path / "weights.safetensors") == ([] if has else added)


def test_a_file_that_names_no_head_has_none(tmp_path: Path) -> None:
    saved, into = small_reader(seed=1), small_reader(seed=2)
    save_file({name: p.detach() for name, p in saved.named_parameters()}, tmp_path / "weights.safetensors")
    before = into.get_parameter("reranker.projection.weight").clone()
    load_weights(into, tmp_path / "weights.safetensors")
    assert torch.equal(into.get_parameter("reranker.projection.weight"), before)
    assert torch.equal(into.encoder.embedding.weight, saved.encoder.embedding.weight)


@pytest.mark.parametrize("file", ["weights.safetensors", "last.pt"])
def test_what_is_to_start_anew_is_left_out_and_may_have_another_shape(tmp_path: Path, file: str) -> None:
    fido = {"feed_forward": 32, "key_value_heads": 1, "cross_attention_period": 2, "tie_output": True}
    saved, into = small_reader(seed=1), small_reader(seed=2, decoder_options=fido)
    with pytest.raises(CheckpointError, match=r"unexpected: decoder\..*; misshapen: decoder\."):
        loaded(saved, into, tmp_path / file)
    kept = loaded(saved, into, tmp_path / file, fresh=r"^decoder\.")
    assert kept == [name for name, _ in into.named_parameters() if name.startswith("decoder.")]


def test_what_cannot_start_anew_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"trainer\.fresh 'decodr' matches no parameter of the reader.*: .*decoder"):
        initialise(small_reader(), "package:weights.safetensors", "decodr")
    with pytest.raises(ConfigError, match="fresh must be null where initialise is"):
        TrainerConfig(fresh="decoder")
    with pytest.raises(ConfigError, match="fresh is no regular expression"):
        TrainerConfig(fresh="(", initialise="package:weights.safetensors")
