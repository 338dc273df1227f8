"""Sweeps: which key was swept, in which order its values stand, and what is averaged."""

import json
from pathlib import Path
from typing import Any

import pytest

from glimmer.analysis.results import TaskScore
from glimmer.analysis.sweep import Point, find_runs, swept_key, write_sweep
from glimmer.errors import ConfigError, DataError


def config(seed: int, kept: int, weight: float = 1.0) -> dict[str, Any]:
    return {"run_dir": f"runs/{seed}-{kept}", "seed": seed, "selector": {"kept": kept}, "loss": {"weight": weight}}


def point(seed: int, kept: int, score: float) -> Point:
    return Point(config(seed, kept), {"open_qa": TaskScore("exact_match", score, None, 1, 1, 1, 1)})


def test_the_swept_key_is_the_one_that_differs_beside_seed_and_folder() -> None:
    assert swept_key([config(1, 2), config(2, 2), config(1, 3)], None) == "selector.kept"


def test_several_keys_must_be_told_apart() -> None:
    configs = [config(1, 2), config(1, 3, 0.5)]
    with pytest.raises(ConfigError, match=r"--key.*loss\.weight, selector\.kept"):
        swept_key(configs, None)
    assert swept_key(configs, "loss.weight") == "loss.weight"
    with pytest.raises(ConfigError, match="same configuration"):
        swept_key([config(1, 2), config(2, 2)], None)


def test_values_stand_by_size_with_the_mean_over_their_runs(tmp_path: Path) -> None:
    points = [point(1, 10, 60.0), point(1, 5, 50.0), point(2, 5, 54.0)]
    made = write_sweep(points, "selector.kept", "dev", tmp_path)
    assert [line.split("|")[1].strip() for line in made.splitlines()[2:]] == ["5", "10"]
    found = json.loads((tmp_path / "sweep.json").read_text())
    assert found["scores"] == {
        "5": {"open_qa": {"mean": 52.0, "std": 2.828}, "average": {"mean": 52.0, "std": 2.828}},
        "10": {"open_qa": {"mean": 60.0, "std": 0.0}, "average": {"mean": 60.0, "std": 0.0}},
    }
    assert made in (tmp_path / "sweep.md").read_text()
    assert (tmp_path / "sweep.png").exists()


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no runs"):
        find_runs(tmp_path)
