"""Checkpoint files: atomic, plain, small, and clear about what is wrong with them."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from glimmer.errors import CheckpointError
from glimmer.training.checkpoint import load_checkpoint, load_model_state, save_checkpoint
from glimmer.training.randomness import rng_state, seed_everything, set_rng_state


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    state = {"model": {"w": torch.arange(3.0)}, "list": [1, (2, "x")], "none": None, "yes": True, 7: 0.5}
    save_checkpoint(tmp_path / "a" / "x.pt", state)
    found = load_checkpoint(tmp_path / "a" / "x.pt")
    assert torch.equal(found["model"].pop("w"), torch.arange(3.0))
    assert found == {**state, "model": {}, "format": 1}


def test_anything_but_tensors_and_plain_types_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"checkpoint\.rng\[1\] is a ndarray"):
        save_checkpoint(tmp_path / "x.pt", {"model": {}, "rng": [1, np.zeros(2)]})
    assert list(tmp_path.iterdir()) == []


def test_a_view_is_saved_without_what_it_is_a_view_of(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "x.pt", {"model": {"w": torch.zeros(1_000_000)[:2]}})
    assert (tmp_path / "x.pt").stat().st_size < 10_000


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path / "x.pt", {"model": {}, "step": 1})

    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(CheckpointError, match=r"x\.pt: cannot be written: No space left on device"):
        save_checkpoint(tmp_path / "x.pt", {"model": {}, "step": 2})
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["x.pt"]
    assert load_checkpoint(tmp_path / "x.pt")["step"] == 1


def test_missing_cut_and_foreign_files(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "last.pt", {"model": {"w": torch.zeros(1000)}})
    with pytest.raises(CheckpointError, match=r"best\.pt: no such checkpoint; that folder holds last\.pt"):
        load_checkpoint(tmp_path / "best.pt")
    content = (tmp_path / "last.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(content[: len(content) // 2])
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 0xFF
    (tmp_path / "flipped.pt").write_bytes(flipped)
    (tmp_path / "text.pt").write_text("hello")
    (tmp_path / "empty.pt").write_bytes(b"")
    for name in ("cut.pt", "flipped.pt", "text.pt", "empty.pt"):
        with pytest.raises(CheckpointError, match=rf"{name}: damaged, or not a checkpoint"):
            load_checkpoint(tmp_path / name)
    torch.save({"weights": 1}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="expected a checkpoint of format 1"):
        load_checkpoint(tmp_path / "other.pt")


def test_weights_of_another_model_are_named() -> None:
    with pytest.raises(CheckpointError) as caught:
        load_model_state(nn.Linear(2, 3), {"weight": torch.zeros(3, 4), "extra": torch.zeros(1)}, "x.pt")
    assert str(caught.value) == (
        "x.pt: the weights are of another model: missing: bias; unexpected: extra; "
        "of another shape: weight [3, 4] instead of [3, 2]"
    )


def test_random_states_survive_a_file(tmp_path: Path) -> None:
    seed_everything(1, "test")
    np.random.standard_normal()  # leaves a cached second value in numpy's generator
    random.gauss(0, 1)
    save_checkpoint(tmp_path / "x.pt", {"model": {}, "rng": rng_state()})
    draws = [(random.gauss(0, 1), np.random.standard_normal(), float(torch.rand(()))) for _ in range(3)]
    seed_everything(2, "other")
    set_rng_state(load_checkpoint(tmp_path / "x.pt")["rng"])
    assert [(random.gauss(0, 1), np.random.standard_normal(), float(torch.rand(()))) for _ in range(3)] == draws
