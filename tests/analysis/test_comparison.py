"""The comparison driver: its plan, and a small comparison that is stopped, taken up again and left as it is."""

import json
import os
import re
import signal
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
    measured = measure_speed({"one": config, "other": config}, "dev", 2, 5)
    assert all(speed.update > 0 and speed.evaluation > 0 for speed in measured.values())
    assert list((tmp_path / "run").rglob("*")) == []


def test_a_signal_while_speed_is_measured_ends_it_and_decides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    update = Trainer._update

    def stopping(trainer: Trainer, *rest: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        update(trainer, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "_update", stopping)
    assert main(arguments(write_corpus(tmp_path / "data"), tmp_path / "out", "--minutes", "6")) == 1
    assert capsys.readouterr().err == "glimmer: error: stopped by SIGINT while measuring speed: nothing was saved\n"
    assert not (tmp_path / "out" / "plan.json").exists()


def test_the_closing_timing_counts(tmp_path: Path) -> None:
    config = small_run(write_corpus(tmp_path / "data"), tmp_path / "run")
    without, some, more = (
        measure_speed({"one": config}, "dev", 2, timed)["one"].evaluation for timed in (0, 10**4, 10**6)
    )
    assert without < some < more


REFUSED = {
    "split": (["--split", "tset"], "--split tset: ", "open_qa-tset.jsonl: no such file"),
    "parameters": (
        ["+optimizer.groups.tables={pattern: tables}"],
        "optimizer.groups.tables.pattern",
        "matches no para",
    ),
    "weights": (["trainer.initialise=package:weights.safetensors"], "trainer.initialise=package:", "does not fit"),
    "callback": (["callback=[metrics_jsonl]"], "fid has no callback 'checkpoint'", "add it"),
    "early stopping": (
        ["callback=[evaluation,checkpoint,early_stopping]"],
        "fid has a callback 'early_stopping'",
        "leave it out",
    ),
    "ranks": (["trainer.processes=5"], "trainer.questions: 4 an update are too few for 5 ranks", ""),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_what_cannot_end_well_is_refused_before_anything_is_trained_or_decided(
    mistake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, *messages = REFUSED[mistake]
    assert main([*arguments(write_corpus(tmp_path / "data"), tmp_path / "out", "--steps", "4"), *changes]) == 1
    error = capsys.readouterr().err
    assert all(message in error for message in messages)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("seeds", "message"),
    [("1,1", "expected every seed once, found '1,1'"), ("1,x", "expected a whole number of at least 1, found 'x'")],
)
def test_seeds_are_different_whole_numbers(seeds: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["quickstart", "--seeds", seeds])
    assert f"argument --seeds: {message}" in capsys.readouterr().err


def test_minutes_begin_before_the_corpus_is_built_and_leave_out_pre_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, left = [0.0], []

    def spend(seconds: float) -> None:
        now[0] += seconds

    def plan(speeds: object, seconds: float, seeds: int) -> int:
        left.append(seconds)
        return 1

    monkeypatch.setattr(comparison.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(comparison, "_build_corpus", lambda _: spend(30))
    monkeypatch.setattr(comparison, "_started", lambda _, __, configs: spend(5000) or configs)
    monkeypatch.setattr(comparison, "measure_speed", lambda *_: spend(20) or {"fid": Speed(1, 1)})
    monkeypatch.setattr(comparison, "planned_steps", plan)
    monkeypatch.setattr(comparison, "train", lambda _: pytest.exit)
    monkeypatch.setattr(comparison, "compare", lambda *_: "")
    monkeypatch.setattr(comparison, "load_run", lambda _: None)
    monkeypatch.setattr(comparison, "_training", lambda *_: "")
    assert main(arguments(write_corpus(tmp_path / "data"), tmp_path / "out", "--minutes", "6")) == 0
    assert left == [360 - 30 - 20]


def test_from_scratch_starts_the_systems_from_its_own_pre_training(tmp_path: Path) -> None:
    data, output = write_corpus(tmp_path / "data"), tmp_path / "out"
    brief = ["trainer.minutes=null", "trainer.steps=2", "trainer.stages=[{passages: 5}]"]
    free = ["~sampler.weights", "sampler.mixing=uniform", "encoder.layers=4"]
    options = ["--from-scratch", "--steps", "2", "--systems", "glimmer"]
    assert main([*arguments(data, output, *options), *brief, *free]) == 0
    shallow, deep = output / "pretrain", output / "pretrain_deep"
    assert f"All systems started from {deep}/checkpoints/last.pt." in (output / "report.md").read_text()
    for run, origin in ((deep, shallow), (output / "glimmer-seed1", deep)):
        config = OmegaConf.load(run / "config.yaml")
        assert config.trainer.initialise == str(origin / "checkpoints" / "last.pt")
        assert (run / "tokenizer.json").read_bytes() == (shallow / "tokenizer.json").read_bytes()
