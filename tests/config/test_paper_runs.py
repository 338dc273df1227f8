"""The runs of GLIMMER's paper: all are there, as the paper describes them, and every value says how it is known."""

import re
from itertools import product
from pathlib import Path

import pytest

import glimmer.config
from glimmer.analysis.compute import source_units
from glimmer.analysis.shape import shape_of
from glimmer.cli.components import main as components
from glimmer.cli.validate import validate, validate_without_data
from glimmer.config.compose import compose_run
from glimmer.config.schema import RunConfig
from glimmer.config.store import choices
from glimmer.errors import ConfigError, DataError

FOLDER = Path(glimmer.config.__file__).parent / "experiment" / "paper"
SYSTEMS, SIZES = ("fid", "lumen", "glimmer"), ("base", "large", "xl", "xxl")
RUNS = [f"{system}_{size}" for system, size in product(SYSTEMS, SIZES)]
UNITS = {"fid": 70, "lumen": 60, "glimmer": 50}
"""The papers' cost of the source side, in n_p·L·d²."""
MARK = re.compile(r"# (paper: \d{4}\.\d{5}|recalled: (?:sure|fairly sure|unsure)|unknown: \S|ours: \S)")
LINE = re.compile(r"^ *(?:- )?(?:override )?(?P<key>[\w/@.]+): *(?P<value>[^ #].*)$")
MARKS = {
    "common": {
        "/task": "paper",
        "beams": "paper",
        "/optimizer": "recalled: sure",
        "/lr_scheduler": "recalled: sure",
        "/join": "recalled: sure",
        "lr": "recalled: sure",
        "questions": "recalled: sure",
        "encoder": "recalled: sure",
        "decoder": "recalled: sure",
        "default": "recalled: sure",
        "retrieved": "recalled: sure",
        "question_tokens": "recalled: fairly sure",
        "passage_tokens": "recalled: fairly sure",
        "sampler": "recalled: fairly sure",
        "metric": "recalled: fairly sure",
        "target_tokens": "unknown",
        "max_tokens": "unknown",
        "steps": "unknown",
        "model": "unknown",
        "lr_scheduler": "unknown",
        "weight_decay": "unknown",
        "clip": "unknown",
    },
    "glimmer": {
        "/memory": "paper",
        "/criterion": "paper",
        "/reranker": "recalled: sure",
        "selector": "recalled: sure",
        "weight": "recalled: unsure",
        "score_temperature": "recalled: unsure",
        "target_temperature": "recalled: unsure",
        "reranker": "unknown",
        "direction": "unknown",
        "likelihood": "unknown",
        "passages": "unknown",
        "stop_gradient": "unknown",
    },
    "lumen": {"/memory": "paper", "collator": "recalled: sure"},
    "fid": {"live_layers": "paper", "collator": "recalled: sure"},
    **{size: {"live_layers": "recalled: sure", "rerank_layers": "recalled: fairly sure"} for size in SIZES},
}
"""Part → key → how the paper's value is known."""


def config_of(run: str) -> RunConfig:
    return compose_run([f"experiment=paper/{run}"])


def marked(part: str) -> dict[str, tuple[str, str | None]]:
    """The keys of a part that have a value on their line: the line, and the mark behind it."""
    found: dict[str, tuple[str, str | None]] = {}
    for line in (FOLDER / "part" / f"{part}.yaml").read_text().splitlines():
        if not line.startswith("#") and (match := LINE.match(line)):
            assert match["key"] not in found, f"{part}: {match['key']} stands there twice"
            mark = MARK.search(line)
            found[match["key"]] = (line, mark and mark[1])
    return found


def test_all_are_there_and_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert sorted(file.stem for file in FOLDER.glob("*.yaml")) == sorted(RUNS)
    offered = choices()["experiment"]
    assert {f"paper/{run}" for run in RUNS} <= set(offered)
    assert not [name for name in offered if "part" in name]
    assert components(["experiment", "paper/lumen_xl"]) == 0
    assert "defaults: [paper/part/xl, paper/part/lumen]" in capsys.readouterr().out


def test_a_mistyped_one_is_told_the_nearest() -> None:
    for given in ("paper/glimmer_bas", "glimmer_base"):
        with pytest.raises(ConfigError, match=f"unknown experiment '{given}'; did you mean 'paper/glimmer_base'"):
            compose_run([f"experiment={given}"])


@pytest.mark.parametrize("run", RUNS)
def test_a_run_is_what_the_paper_describes(run: str) -> None:
    config = config_of(run)
    system, size = run.split("_")
    assert config.run_dir == f"runs/paper/{run}"
    assert list(config.tasks) == ["nq", "triviaqa", "hotpotqa", "fever", "trex", "zsre"]
    assert (config.optimizer.name, config.optimizer.lr, config.lr_scheduler.name) == ("adafactor", 1e-4, "constant")
    assert (config.trainer.questions, config.encoder.dropout, config.decoder.dropout) == (128, 0.1, 0.1)
    assert (config.collator.question_tokens, config.collator.passage_tokens) == (48, 304)
    assert config.sampler.mixing == "uniform"
    assert config.generation.beams == 1
    assert config.trainer.initialise == config.tokenizer.file == f"models/t5-v1_1-{size}"
    assert getattr(config.memory, "frozen") == (system == "lumen")  # noqa: B009 - of a memory of any kind
    shape = shape_of(config, 32128)
    assert source_units(shape.retrieved, shape.kept, shape.alpha, shape.beta) == UNITS[system]
    assert (shape.live_layers, shape.rerank_layers) == {
        "fid": (shape.layers, 0),
        "lumen": (shape.layers // 3, 0),
        "glimmer": (shape.layers // 3, shape.layers // 12),
    }[system]


@pytest.mark.parametrize("run", RUNS)
def test_a_run_is_valid_but_for_its_data(run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = validate_without_data(config_of(run)).splitlines()
    missing = [line.removeprefix("missing    ") for line in told if line.startswith("missing")]
    folders = dict(line.split(": ") for line in missing)
    assert folders["models"] == f"t5-v1_1-{run.split('_')[1]}"
    assert folders["data/kilt"].startswith("passages.jsonl, nq-train-kilt.jsonl, nq-dev-kilt.jsonl, ")
    assert "structured_zeroshot-dev.jsonl" in folders["data/kilt/gtr_base"]
    assert list(tmp_path.iterdir()) == []


def test_without_its_data_a_run_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="models/t5-v1_1-base: No such file"):
        validate(config_of("fid_base"))


@pytest.mark.parametrize("part", sorted(file.stem for file in (FOLDER / "part").glob("*.yaml")))
def test_every_value_says_how_it_is_known(part: str) -> None:
    found = marked(part)
    assert [line for line, mark in found.values() if mark is None] == []
    known = {key: found[key][1] or "" for key in MARKS[part]}
    assert {key: mark for key, mark in known.items() if not mark.startswith(MARKS[part][key])} == {}


@pytest.mark.parametrize("run", RUNS)
def test_a_run_is_its_parts_and_nothing_else(run: str) -> None:
    system, size = run.split("_")
    lines = (FOLDER / f"{run}.yaml").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        f"defaults: [paper/part/{size}, paper/part/{system}]",
        f"run_dir: runs/paper/{run}",
    ]
