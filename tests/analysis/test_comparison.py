"""The comparison driver: its plan, and a small comparison that is stopped, taken up again and left as it is."""

import json
import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from small_runs import small_run, write_corpus

from glimmer.analysis import comparison
from glimmer.analysis.comparison import planned_steps
from glimmer.analysis.speed import Speed, measure_speed
from glimmer.cli.main import main
from glimmer.errors import InterruptionError
from glimmer.training.trainer import Trainer

SMALL = [
    "task=[open_qa]",
    "callback=[metrics_jsonl,evaluation,checkpoint]",
    "tokenizer.vocabulary=300",
    "encoder.width=16",
    "encoder.feed_forward=16",
    "decoder.feed_forward=16",
    "trainer.questions=4",
    "trainer.log_every=2",
    "collator.passage_tokens=48",
    "trainer.processes=1",
    "trainer.initialise=null",
    "tokenizer.file=null",
]


def arguments(data: Path, output: Path, *options: str) -> list[str]:
    fixed = ["--output", str(output), "--split", "dev", "--limit", "2", "--timed", "1", "--systems", "fid,glimmer"]
    return ["quickstart", *fixed, *options, f"data.dir={data}", *SMALL]


def test_time_is_divided_into_a_common_number_of_updates() -> None:
    speeds = {"fid": Speed(update=0.5, evaluation=10), "glimmer": Speed(update=1.5, evaluation=30)}
    # Two seeds: 480 − 2 · 40 = 400 seconds for updates of 2 · 2 seconds; 85% of 100.
    assert planned_steps(speeds, 480, 2) == 85
    assert planned_steps(speeds, 79, 2) < 1


def test_a_stopped_comparison_goes_on_and_a_finished_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, output = write_corpus(tmp_path / "data"), tmp_path / "out"
    command = arguments(data, output, "--steps", "4")
    train, trained = comparison.train, []

    def stopping(config: object) -> Path:
        if trained:
            raise InterruptionError("stopped")
        trained.append(config)
        return train(config)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(comparison, "train", stopping)
        assert main(command) != 0
    assert (output / "fid-seed1").is_dir()
    assert not (output / "report.json").exists()
    assert main(command) == 0
    report = json.loads((output / "report.json").read_text())
    assert list(report["systems"]) == ["fid", "glimmer"]
    assert report["systems"]["glimmer"]["kept"] == 5
    assert "--steps 4" in (output / "report.md").read_text()
    assert "4 updates on the same examples" in (output / "report.md").read_text()

    def refuse(*_: object) -> None:
        raise AssertionError("trained again")

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_update", refuse)
        assert main(command) == 0
    capsys.readouterr()
    assert main(arguments(data, output, "--steps", "5")) == 1
    assert "holds a comparison with steps=4, this one has steps=5" in capsys.readouterr().err


def test_minutes_become_the_same_number_of_updates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, output = write_corpus(tmp_path / "data"), tmp_path / "out"
    speeds = {"fid": Speed(update=20, evaluation=0), "glimmer": Speed(update=80, evaluation=100)}
    monkeypatch.setattr(comparison, "measure_speed", lambda *_: speeds)
    assert main(arguments(data, output, "--minutes", "6")) == 0
    assert json.loads((output / "plan.json").read_text())["steps"] == 2  # 85% of 260 seconds less the start, by 100
    for system in ("fid", "glimmer"):
        config = (output / f"{system}-seed1" / "config.yaml").read_text()
        assert re.search(r"^  steps: 2$", config, re.MULTILINE)
    assert "updates a second: fid 0.05, glimmer 0.01" in (output / "report.md").read_text()


def test_speed_is_measured_without_a_trace(tmp_path: Path) -> None:
    config = small_run(write_corpus(tmp_path / "data"), tmp_path / "run")
    measured = measure_speed({"one": config, "other": config}, "dev", 2)
    assert all(speed.update > 0 and speed.evaluation > 0 for speed in measured.values())
    assert {path.name for path in (tmp_path / "run").rglob("*")} == {"tokenizer.json"}


def test_from_scratch_starts_the_systems_from_its_own_pre_training(tmp_path: Path) -> None:
    data, output = write_corpus(tmp_path / "data"), tmp_path / "out"
    brief = ["trainer.minutes=null", "trainer.steps=2", "trainer.stages=[{passages: 2}]"]
    free = ["~sampler.weights", "sampler.mixing=uniform", "encoder.layers=4"]
    options = ["--from-scratch", "--steps", "2", "--systems", "glimmer"]
    assert main([*arguments(data, output, *options), *brief, *free]) == 0
    shallow, deep = output / "pretrain", output / "pretrain_deep"
    assert f"All systems started from {deep}/checkpoints/last.pt." in (output / "report.md").read_text()
    for run, origin in ((deep, shallow), (output / "glimmer-seed1", deep)):
        config = OmegaConf.load(run / "config.yaml")
        assert config.trainer.initialise == str(origin / "checkpoints" / "last.pt")
        assert (run / "tokenizer.json").read_bytes() == (shallow / "tokenizer.json").read_bytes()
