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
    return Point(config(seed, kept), {"open_qa": TaskScore("exact_match", score, None, 1, 20, 20, kept)})


def test_the_swept_key_is_the_one_that_differs_beside_seed_and_folder() -> None:
    assert swept_key([config(1, 2), config(2, 2), config(1, 3)], None) == "selector.kept"


def test_several_keys_must_be_told_apart() -> None:
    configs = [config(1, 2), config(1, 3, 0.5)]
    with pytest.raises(ConfigError, match=r"--key.*loss\.weight, selector\.kept"):
        swept_key(configs, None)
    assert swept_key(configs, "loss.weight") == "loss.weight"
    with pytest.raises(ConfigError, match="same configuration"):
        swept_key([config(1, 2), config(2, 2)], None)


def staged(passages: int) -> dict[str, Any]:
    stages = [{"passages": 1, "steps": 9}, {"passages": passages, "steps": None}]
    return {"run_dir": f"runs/{passages}", "seed": 1, "trainer": {"stages": stages}}


def chosen(**parts: Any) -> dict[str, Any]:
    return {"run_dir": "runs/x", "seed": 1, **parts}


def scored(config: dict[str, Any], **scores: float) -> Point:
    return Point(config, {name: TaskScore("exact_match", score, None, 1, 1, 1, 1) for name, score in scores.items()})


def rows_of(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "---" not in line]


def test_a_key_within_a_list_is_swept_like_any_other(tmp_path: Path) -> None:
    points = [scored(staged(8), open_qa=60), scored(staged(4), open_qa=50)]
    key = swept_key([point.config for point in points], None)
    assert key == "trainer.stages[1].passages"
    made = write_sweep(points, key, "dev", tmp_path)
    assert [row[:3] for row in rows_of(made)[1:]] == [["4", "1", "50.0 ± 0.0"], ["8", "1", "60.0 ± 0.0"]]


def test_a_key_that_a_run_lacks_is_refused(tmp_path: Path) -> None:
    points = [scored(staged(8), open_qa=60), scored(staged(4), open_qa=50)]
    with pytest.raises(ConfigError, match=r"^runs/8 has no trainer\.stages\[2\]\.passages; .*--key"):
        write_sweep(points, "trainer.stages[2].passages", "dev", tmp_path)


@pytest.mark.parametrize(
    ("first", "second", "key"),
    [
        ({"tasks": {"a": {"limit": 1}}}, {"tasks": {"b": {"limit": 1}}}, "tasks"),
        ({"tasks": {"a": {"limit": 1}}}, {"tasks": {"a": {"limit": 2}}}, "tasks.a.limit"),
        ({"head": {"name": "x", "scale": 1}}, {"head": {"name": "y"}}, "head"),
        ({"stages": [{"steps": 1}]}, {"stages": [{"steps": 1}, {"steps": 2}]}, "stages"),
    ],
)
def test_parts_that_a_run_lacks_make_one_difference_of_what_would_hold_them(
    first: dict[str, Any], second: dict[str, Any], key: str
) -> None:
    assert swept_key([chosen(**first), chosen(**second)], None) == key


def test_components_stand_under_their_names_unless_two_have_the_same(tmp_path: Path) -> None:
    heads = [{"name": "x"}, {"name": "y", "scale": 1}]
    made = write_sweep([scored(chosen(head=head), a=50) for head in heads], "head", "dev", tmp_path)
    assert [row[0] for row in rows_of(made)[1:]] == ["x", "y"]
    heads = [{"name": "y", "scale": 1}, {"name": "y", "scale": 2}]
    made = write_sweep([scored(chosen(head=head), a=50) for head in heads], "head", "dev", tmp_path)
    assert [row[0] for row in rows_of(made)[1:]] == [str(head) for head in heads]


def test_runs_on_different_tasks_are_compared_task_by_task(tmp_path: Path) -> None:
    alone, both = chosen(tasks={"a": {}}), chosen(tasks={"a": {}, "b": {}})
    points = [scored(alone, a=50), scored(alone | {"seed": 2}, a=54), scored(both, a=60, b=30)]
    made = write_sweep(points, swept_key([point.config for point in points], None), "dev", tmp_path)
    assert rows_of(made) == [
        ["tasks", "runs", "a", "b"],
        ["a", "2", "52.0 ± 2.8", "–"],
        ["a+b", "1", "60.0 ± 0.0", "30.0 ± 0.0"],
    ]
    assert json.loads((tmp_path / "sweep.json").read_text())["scores"] == {
        "a": {"a": {"mean": 52.0, "std": 2.828}},
        "a+b": {"a": {"mean": 60.0, "std": 0.0}, "b": {"mean": 30.0, "std": 0.0}},
    }
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_scores_that_cannot_be_set_side_by_side_are_refused(tmp_path: Path) -> None:
    one, other = chosen(tasks={"a": {}}), chosen(tasks={"b": {}})
    with pytest.raises(DataError, match="runs of different tasks have no task in common"):
        write_sweep([scored(one, a=50), scored(other, b=50)], "tasks", "dev", tmp_path)
    with pytest.raises(DataError, match="the runs with seed=1 have different tasks"):
        write_sweep([scored(one, a=50), scored(other, b=50)], "seed", "dev", tmp_path)


def test_values_stand_by_size_with_the_mean_over_their_runs(tmp_path: Path) -> None:
    points = [point(1, 10, 60.0), point(1, 5, 50.0), point(2, 5, 54.0)]
    made = write_sweep(points, "selector.kept", "dev", tmp_path)
    assert [line.split("|")[1].strip() for line in made.splitlines()[2:]] == ["5", "10"]
    found = json.loads((tmp_path / "sweep.json").read_text())
    assert found["scores"] == {
        "5": {
            "open_qa": {"mean": 52.0, "std": 2.828},
            "average": {"mean": 52.0, "std": 2.828},
            "gold read": {"mean": 25.0, "std": 0.0},
        },
        "10": {
            "open_qa": {"mean": 60.0, "std": 0.0},
            "average": {"mean": 60.0, "std": 0.0},
            "gold read": {"mean": 50.0, "std": 0.0},
        },
    }
    assert made in (tmp_path / "sweep.md").read_text()
    assert (tmp_path / "sweep.png").exists()


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no runs"):
        find_runs(tmp_path)
