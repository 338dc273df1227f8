"""``glimmer components`` lists what is registered, with its options."""

import dataclasses
import json
import re

import pytest

from glimmer.cli.components import PARTS
from glimmer.cli.main import main
from glimmer.registry import Registry


def test_every_kind_and_name_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["components"]) == 0
    printed = capsys.readouterr().out
    for kind in (
        "encoder",
        "memory",
        "join",
        "reranker",
        "selector",
        "decoder",
        "criterion",
        "task",
        "metric",
        "codec",
    ):
        assert f"\n{kind}\n" in f"\n{printed}"
        for entry in Registry.kinds[kind]:
            assert entry.summary
            assert f"  {entry.name} " in printed


def test_a_component_shows_options_types_defaults_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["components", "selector", "top_m"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        "selector top_m: Keep the m best.\nglimmer.models.selectors.top_m.TopMSelector (top_m.py:"
    )
    assert "  kept: int = 5; at least 1\n      m, the number of passages kept" in printed


def test_json_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["components", "selector", "--json"]) == 0
    listed = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    assert list(listed) == ["all", "gumbel_top_m", "threshold", "top_m"]
    assert listed["top_m"]["options"] == [
        {"name": "kept", "type": "int", "default": 5, "allowed": "at least 1", "help": "m, the number of passages kept"}
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rerankr"], "unknown kind of component 'rerankr'; did you mean 'reranker'?"),
        (["reranker", "maxsim"], "unknown reranker 'maxsim'; did you mean 'max_sim'?"),
        (["--user-dir", "nowhere"], "user_dir=nowhere: no such folder"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["components", *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"glimmer: error: {message}")
    assert error.count("\n") == 1


@pytest.mark.parametrize("part", PARTS)
def test_every_option_of_a_part_is_explained(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["components", part, "--json"]) == 0
    options = json.loads(capsys.readouterr().out)
    assert [option["name"] for option in options] == [item.name for item in dataclasses.fields(PARTS[part])]
    assert all(option["help"] for option in options)
    assert main(["components", part]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {option['name']}: {option['type']}" in shown for option in options)


def test_yaml_files_stand_beside_the_components_that_they_configure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["components", "encoder"]) == 0
    assert re.search(r"^  t5_tiny +A T5 v1\.1 encoder small enough", capsys.readouterr().out, re.MULTILINE)
    assert main(["components", "experiment"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in ("fid", "lumen", "glimmer", "ablation_kept"))
    assert main(["components", "experiment", "fid"]) == 0
    assert "@package _global_" in capsys.readouterr().out
