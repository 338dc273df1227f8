"""A run's folder: killed, stopped and resumed runs are the run left alone; another configuration is refused."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import assert_same_run, small_run, write_corpus

from glimmer.config.load import load_run_config
from glimmer.errors import ConfigError, InterruptionError
from glimmer.training.build import initialise, plain
from glimmer.training.checkpoint import load_checkpoint
from glimmer.training.run import differences, train
from glimmer.training.trainer import Trainer

TESTS = Path(__file__).parents[1]
KILLED = """
import os, signal, sys
from pathlib import Path
from small_runs import small_run
from glimmer.training.run import train
from glimmer.training.trainer import Trainer

update = Trainer._update
def dying(trainer, *arguments):
    update(trainer, *arguments)
    if trainer.step == int(sys.argv[3]):
        trainer.log("train", None, {"written": 1.0})  # half a step is on disk
        os.kill(os.getpid(), signal.SIGKILL)
Trainer._update = dying
train(small_run(Path(sys.argv[1]), Path(sys.argv[2])))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def left_alone(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(small_run(data, tmp_path_factory.mktemp("left_alone")))


def test_a_run_leaves_its_whole_folder(left_alone: Path) -> None:
    names = {str(p.relative_to(left_alone)) for p in left_alone.rglob("*") if p.is_file()}
    assert names == {
        "config.yaml",
        "environment.json",
        "tokenizer.json",
        "metrics.jsonl",
        "checkpoints/last.pt",
        "checkpoints/best.pt",
    }
    lines = [json.loads(line) for line in (left_alone / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["kind"] == "evaluation" and line["task"] is None] == [4, 8, 10]
    assert [line["step"] for line in lines if line["kind"] == "train" and line["task"] is None] == [2, 4, 6, 8, 10]
    assert {"loss", "gradient_norm", "learning_rate", "stage", "teacher_forced/exact"} <= lines[0].keys()


@pytest.mark.parametrize("step", [5, 8])
def test_a_run_killed_and_resumed_is_the_run_left_alone(
    data: Path, tmp_path: Path, left_alone: Path, step: int
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": str(torch.get_num_threads())}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(data), str(tmp_path / "run"), str(step)], env=environment, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert '"written"' in (tmp_path / "run" / "metrics.jsonl").read_text()
    torch.rand(3)  # whatever happened in the process before must not matter
    assert_same_run(train(small_run(data, tmp_path / "run")), left_alone)


def test_a_run_stopped_by_a_signal_is_saved_and_goes_on(
    data: Path, tmp_path: Path, left_alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = Trainer._update

    def stopping(trainer: Trainer, *arguments: object) -> None:
        if trainer.step == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        update(trainer, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "_update", stopping)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(InterruptionError, match="stopped by SIGTERM after step 5: saved to"):
        train(small_run(data, tmp_path))
    assert signal.getsignal(signal.SIGTERM) is before
    monkeypatch.undo()
    assert_same_run(train(small_run(data, tmp_path)), left_alone)
    sessions = json.loads((tmp_path / "environment.json").read_text())["sessions"]
    assert [session["from_step"] for session in sessions] == [0, 5]


def test_a_finished_run_is_left_as_it_is(data: Path, left_alone: Path) -> None:
    before = {p: p.read_bytes() for p in left_alone.rglob("*") if p.is_file()}
    train(small_run(data, left_alone))
    assert {p: p.read_bytes() for p in left_alone.rglob("*") if p.is_file()} == before


def test_another_configuration_in_the_same_folder_is_refused(data: Path, left_alone: Path) -> None:
    optimizer = {"name": "adamw", "lr": 1e-4}
    with pytest.raises(ConfigError, match=r"holds a run with optimizer\.lr=0\.003, this one has optimizer\.lr=0\.0001"):
        train(small_run(data, left_alone, optimizer=optimizer))


@pytest.mark.parametrize("option", [{"lower_case": False}, {}])
def test_the_tokenizer_of_a_start_that_came_to_nothing_is_not_taken(tmp_path: Path, option: dict[str, Any]) -> None:
    """Nor is it where the passages are others: what trained no checkpoint is trained anew."""
    data = write_corpus(tmp_path / "data")
    changes: dict[str, Any] = {"callbacks": {}, "trainer": {"steps": 1, "questions": 2, "device": "cpu"}}
    train(small_run(data, tmp_path / "run", **changes))
    first = (tmp_path / "run" / "tokenizer.json").read_bytes()
    changes["tokenizer"] = {"name": "bpe", "vocabulary": 300, **option}
    if not option:
        passages = data / "passages.jsonl"
        passages.write_text(passages.read_text().replace("river", "railway"))
    one, other = (train(small_run(data, tmp_path / name, **changes)) for name in ("run", "fresh"))
    tokenizer = (one / "tokenizer.json").read_bytes()
    assert tokenizer == (other / "tokenizer.json").read_bytes()
    assert tokenizer != first


def test_a_run_that_goes_on_keeps_its_tokenizer(tmp_path: Path) -> None:
    data = write_corpus(tmp_path / "data")
    changes: dict[str, Any] = {
        "callbacks": {"checkpoint": {"name": "checkpoint"}},
        "trainer": {"steps": 1, "questions": 2, "device": "cpu"},
    }
    run = train(small_run(data, tmp_path / "run", **changes))
    tokenizer = (run / "tokenizer.json").read_bytes()
    passages = data / "passages.jsonl"
    passages.write_text(passages.read_text().replace("river", "railway"))
    train(small_run(data, run, **changes))
    assert (run / "tokenizer.json").read_bytes() == tokenizer


def test_the_saved_configuration_reads_back(data: Path, tmp_path: Path) -> None:
    config = small_run(data, tmp_path)
    assert list(differences(plain(load_run_config(plain(config))), plain(config))) == []


def test_weights_of_a_run_start_another(data: Path, tmp_path: Path, left_alone: Path) -> None:
    from glimmer.training.build import build_trainer
    from glimmer.training.distributed import Group
    from glimmer.training.run import prepare_tokenizer

    config = small_run(data, left_alone, seed=9)
    reader = build_trainer(config, prepare_tokenizer(config, Group())).reader
    best = load_checkpoint(left_alone / "checkpoints" / "best.pt")["model"]
    assert not torch.equal(reader.state_dict()["encoder.embedding.weight"], best["encoder.embedding.weight"])
    initialise(reader, str(left_alone / "checkpoints" / "best.pt"))
    assert all(torch.equal(value, best[name]) for name, value in reader.state_dict().items())
