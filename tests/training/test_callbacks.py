"""Callbacks: the moving average, the best checkpoint, patience, the log file, and their lives across a restart."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from small_runs import small_run, write_corpus
from torch import nn

from glimmer.data.kilt import read_records, write_records
from glimmer.errors import DataError, TrainingError
from glimmer.training.build import build_trainer
from glimmer.training.callbacks import CALLBACKS, Callback, LogEntry
from glimmer.training.checkpoint import load_checkpoint
from glimmer.training.distributed import Group
from glimmer.training.run import prepare_tokenizer
from glimmer.training.trainer import Trainer


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("data"))


def callback(name: str, **options: Any) -> Any:
    return CALLBACKS.build(CALLBACKS.configure(name, **options))


def fake(run_dir: Path | None = None, **values: Any) -> Any:
    """What a callback sees of a trainer."""
    made = {"step": 0, "elapsed": 0.0, "finished": False, "interrupted": None, "group": Group(), "run_config": {}}
    trainer = SimpleNamespace(**made, run_dir=run_dir, stops=[])
    trainer.stop = trainer.stops.append
    trainer.__dict__.update(values)
    return trainer


def trainer(data: Path, folder: Path, **changes: Any) -> Trainer:
    config = small_run(data, folder, **changes)
    return build_trainer(config, prepare_tokenizer(config, Group()))


@pytest.mark.parametrize("name", ["metrics_jsonl", "tensorboard"])
def test_logs_that_cannot_be_written_are_one_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(DataError, match=f"cannot be written: {tmp_path / 'run'} is a file, not a folder"):
        callback(name).on_start(fake(tmp_path / "run"))


def test_a_disk_that_fills_up_while_logging_is_one_error(tmp_path: Path) -> None:
    log = callback("metrics_jsonl")
    log.on_start(fake(tmp_path))
    with log._file, Path("/dev/full").open("a") as full:
        log._file = full
        for call in (lambda: log.on_log(fake(), LogEntry(1, "train", None, {})), lambda: log.on_end(fake(), None)):
            with pytest.raises(DataError, match="cannot be written: No space left on device"):
                call()


def test_the_moving_average_by_hand() -> None:
    module = nn.Linear(1, 1, bias=False)
    average = callback("ema", decay=0.5)
    nn.init.constant_(module.weight, 1.0)
    average.on_start(fake(reader=module))
    for step, weight, expected in ((1, 3.0, 1 * 2 / 11 + 3 * 9 / 11), (100, 5.0, None)):
        nn.init.constant_(module.weight, weight)
        before = float(average.weights()["weight"])
        average.on_update(fake(reader=module, step=step))
        # Early on, the past weighs (1 + step) / (10 + step); later, decay.
        assert float(average.weights()["weight"]) == pytest.approx(expected or (before + weight) / 2)


def test_evaluation_sees_the_average_and_training_goes_on_from_its_own_weights(data: Path, tmp_path: Path) -> None:
    made = trainer(data, tmp_path)
    ema = made.callbacks["ema"]
    ema.on_start(made)
    own = {name: value.clone() for name, value in made.reader.state_dict().items()}
    average = {name: value + 1 for name, value in ema.weights().items()}  # type: ignore[union-attr]
    ema.load_state_dict({"average": average})
    with made.published_weights():
        assert all(torch.equal(value, own[name] + 1) for name, value in made.reader.state_dict().items())
    assert all(torch.equal(value, own[name]) for name, value in made.reader.state_dict().items())


def test_patience_counts_evaluations_without_improvement_and_survives_a_restart() -> None:
    first, second = callback("early_stopping", patience=3), callback("early_stopping", patience=3)
    seen = fake()
    for score in (0.1, 0.3, 0.3, 0.2):
        first.on_evaluation(seen, {}, score)
    assert seen.stops == []
    second.load_state_dict(first.state_dict())
    second.on_evaluation(seen, {}, 0.3)
    assert seen.stops == ["no improvement on 0.3000 in 3 evaluations"]


def test_early_stopping_ends_a_run_for_good(data: Path, tmp_path: Path) -> None:
    callbacks = {
        "evaluation": {"name": "evaluation", "every": 1, "limit": 1},
        "early_stopping": {"name": "early_stopping", "patience": 2, "least": 1.0},
        "checkpoint": {"name": "checkpoint", "every": None, "minutes": None},
    }
    made = trainer(data, tmp_path, callbacks=callbacks)
    made.fit()
    assert made.step == 3
    state = load_checkpoint(tmp_path / "checkpoints" / "last.pt")
    assert state["stopped"].startswith("no improvement")
    again = trainer(data, tmp_path, callbacks=callbacks)
    again.load_state_dict(state, "last.pt")
    again.fit()
    assert again.step == 3


def test_the_best_score_stays_best_after_a_restart(tmp_path: Path) -> None:
    reader = nn.Linear(1, 1)
    first, second = callback("checkpoint"), callback("checkpoint")
    first.on_evaluation(fake(tmp_path, reader=reader, step=1), {"a": {"f1": 0.5}}, 0.5)
    second.load_state_dict(first.state_dict())
    second.on_evaluation(fake(tmp_path, reader=reader, step=2), {"a": {"f1": 0.4}}, 0.4)
    best = load_checkpoint(tmp_path / "checkpoints" / "best.pt")
    assert (best["step"], best["score"], best["results"]) == (1, 0.5, {"a": {"f1": 0.5}})


def test_earlier_checkpoints_are_kept_up_to_a_number(tmp_path: Path) -> None:
    saver = callback("checkpoint", every=2, minutes=None, keep=2)
    for step in range(1, 9):
        saver.on_boundary(fake(tmp_path, step=step, state_dict=lambda step=step: {"model": {}, "step": step}))
    folder = tmp_path / "checkpoints"
    assert sorted(p.name for p in folder.iterdir()) == ["last.pt", "step-6.pt", "step-8.pt"]
    assert load_checkpoint(folder / "step-6.pt")["step"] == 6


def test_a_checkpoint_is_due_by_the_clock_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("glimmer.training.callbacks.checkpoint.time.monotonic", lambda: now[0])
    saver = callback("checkpoint", every=None, minutes=1.0)
    saver.on_start(fake(tmp_path))
    saved = []
    for seconds in (50, 61, 100, 122):
        now[0] = 1000.0 + seconds
        before = len(saved)
        saver.on_boundary(fake(tmp_path, step=1, state_dict=lambda: saved.append(1) or {"model": {}}))
        saved[before:] and saved.append(seconds)
    assert saved[1::2] == [61, 122]


def test_the_log_of_a_resumed_run_goes_on_at_its_checkpoint(tmp_path: Path) -> None:
    first, second = callback("metrics_jsonl"), callback("metrics_jsonl")
    seen = fake(tmp_path)
    first.on_start(seen)
    first.on_log(seen, LogEntry(1, "train", None, {"loss": 2.0}))
    state = first.state_dict()
    first.on_log(seen, LogEntry(2, "train", None, {"loss": 1.0}))
    second.load_state_dict(state)
    second.on_start(seen)
    second.on_log(seen, LogEntry(2, "train", "qa", {"loss": float("inf")}))
    second.on_end(seen, None)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines == [
        {"step": 1, "kind": "train", "task": None, "loss": 2.0},
        {"step": 2, "kind": "train", "task": "qa", "loss": None},
    ]


def test_curves_of_a_start_that_came_to_nothing_are_not_shown(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for loss in (9.0, 1.0):  # the first run is killed before its first checkpoint
        log, seen = callback("tensorboard"), fake(tmp_path, questions_seen=0, tokens_seen=0)
        log.on_start(seen)
        log.on_log(seen, LogEntry(1, "evaluation", None, {"loss": loss}))
        log.on_end(seen, None)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()  # type: ignore[no-untyped-call]
    assert [event.value for event in events.Scalars("evaluation/loss")] == [1.0]  # type: ignore[no-untyped-call]


def test_progress_and_tensorboard_follow_a_run(data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    callbacks = {
        "progress": {"name": "progress", "label": "small", "interval_file": 0.0},
        "tensorboard": {"name": "tensorboard", "histograms_every": 5},
    }
    trainer(data, tmp_path, callbacks=callbacks).fit()
    shown = capfd.readouterr().err
    assert "small 100%" in shown
    assert "questions/s" in shown
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()  # type: ignore[no-untyped-call]
    tags = events.Tags()  # type: ignore[no-untyped-call]
    assert {"train/loss", "train/open_qa/cross_entropy", "speed/questions_per_second"} <= set(tags["scalars"])
    assert "gradients/encoder.embedding.weight" in tags["histograms"]


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("dve", r"split=dve: .*open_qa-dve\.jsonl: no such file; did you mean 'open_qa-dev\.jsonl'"),
        ("blind", r"split=blind: tasks\.open_qa: no record of the split 'blind' has an answer"),
    ],
)
def test_a_split_that_cannot_be_evaluated_is_refused_before_training(tmp_path: Path, split: str, message: str) -> None:
    data = write_corpus(tmp_path / "data")
    blind = [replace(record, outputs=()) for record in read_records(data / "open_qa-dev.jsonl")]
    write_records(data / "open_qa-blind.jsonl", blind)
    made = trainer(data, tmp_path / "run", callbacks={"evaluation": {"name": "evaluation", "split": split}})
    with pytest.raises(DataError, match=rf"callbacks\.evaluation\.{message}"):
        made.check()


def test_a_gradient_that_is_not_finite_stops_before_anything_is_changed_or_saved(data: Path, tmp_path: Path) -> None:
    class Poison(Callback):
        def on_step(self, trainer: Trainer) -> None:
            if trainer.step == 3:
                with torch.no_grad():
                    trainer.reader.get_parameter("encoder.embedding.weight")[:] = float("nan")

    made = trainer(data, tmp_path, callbacks={"checkpoint": {"name": "checkpoint", "every": 2, "minutes": None}})
    made.callbacks["poison"] = Poison(CALLBACKS.configure("metrics_jsonl"))
    with pytest.raises(TrainingError, match=r"step 4: not finite .*these records is not: \S+"):
        made.fit()
    assert load_checkpoint(tmp_path / "checkpoints" / "last.pt")["step"] == 2


def test_a_run_by_time_decays_to_the_end_and_stops(data: Path, tmp_path: Path) -> None:
    options = {"steps": None, "minutes": 0.01, "questions": 2, "log_every": 1, "device": "cpu"}
    made = trainer(data, tmp_path, trainer=options, callbacks={"metrics_jsonl": {"name": "metrics_jsonl"}})
    made.fit()
    assert made.progress >= 1
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    rates = [line["learning_rate"] for line in lines if line["task"] is None]
    assert len(rates) == made.step > 2
    assert rates[-1] < 0.5 * max(rates)
