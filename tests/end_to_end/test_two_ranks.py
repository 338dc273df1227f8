"""A whole run by two processes is the run by one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_runs import STACK, assert_same_run, small_run, write_corpus

from glimmer.config.schema import RunConfig
from glimmer.plugins import load_plugins
from glimmer.retrieval import RETRIEVERS
from glimmer.training.callbacks import CALLBACKS
from glimmer.training.checkpoint import load_checkpoint
from glimmer.training.run import train


def run_config(data: Path, folder: Path) -> RunConfig:
    """A run without dropout, the one thing whose random numbers depend on how an update is cut up.

    Adam's epsilon keeps it from blowing rounding noise up where the true gradient is 0 (the reranker's bias).
    """
    return small_run(
        data,
        folder,
        encoder={"name": "t5", "width": 16, "dropout": 0.0, **STACK},
        decoder={"name": "t5", "dropout": 0.0, **STACK},
        optimizer={"name": "adamw", "lr": 3e-3, "epsilon": 1e-4},
        collator={"passage_tokens": 48, "sample": "random"},
    )


RETRIEVER = """
import os, time
from pathlib import Path
from glimmer.retrieval import register_retriever
from glimmer.retrieval.bm25 import Bm25, Bm25Config

@register_retriever("slow", Bm25Config)
class Slow(Bm25):
    def retrieve_records(self, records, name, k):
        with (Path(__file__).parent / "asked").open("a") as file:
            file.write(f"{os.environ['RANK']} {name}\\n")
        time.sleep(1)
        return super().retrieve_records(records, name, k)
"""


MORTAL = """
import os, signal
from pathlib import Path
from glimmer.training.callbacks import CallbackConfig, Callback, register_callback

@register_callback("mortal", CallbackConfig)
class Mortal(Callback):
    def on_boundary(self, trainer):
        died = Path(trainer.run_dir) / "died"
        if trainer.step == 5 and trainer.group.rank == 1 and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_main_process_makes_the_candidates_for_all(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "slow.py").write_text(RETRIEVER)
    load_plugins(parts)
    changes = {"user_dir": str(parts), "tasks": {"open_qa": {"name": "open_qa"}}, "callbacks": {}}
    config = small_run(write_corpus(tmp_path / "data"), tmp_path / "run", **changes)
    data = replace(config.data, retrievers={"default": RETRIEVERS.configure("slow")})
    train(replace(config, data=data, trainer=replace(config.trainer, processes=2, steps=1)))
    assert (parts / "asked").read_text().splitlines() == ["0 open_qa-train"]


def test_two_ranks_train_as_one(tmp_path: Path) -> None:
    data = write_corpus(tmp_path / "data")
    alone = train(run_config(data, tmp_path / "alone"))
    both = run_config(data, tmp_path / "both")
    train(replace(both, trainer=replace(both.trainer, processes=2)))
    one, two = (load_checkpoint(folder / "checkpoints" / "last.pt") for folder in (alone, tmp_path / "both"))
    assert two["step"] == one["step"] == 10
    assert two["sampler"] == one["sampler"]
    for name, weight in one["model"].items():
        torch.testing.assert_close(two["model"][name], weight, rtol=1e-3, atol=1e-5)
    logs = [(folder / "metrics.jsonl").read_text().splitlines() for folder in (alone, tmp_path / "both")]
    for line, other in zip(*[[json.loads(line) for line in log] for log in logs], strict=True):
        words = {key: line.pop(key) for key in ("kind", "task")}
        assert {key: other.pop(key) for key in words} == words
        assert other == pytest.approx(line, rel=1e-3, abs=1e-5)


def test_a_run_of_two_goes_on_where_one_of_them_was_killed(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "mortal.py").write_text(MORTAL)
    load_plugins(parts)
    data = write_corpus(tmp_path / "data")

    def config(name: str) -> RunConfig:
        run = run_config(data, tmp_path / name)
        callbacks = {**run.callbacks, "mortal": CALLBACKS.configure("mortal")}
        trainer = replace(run.trainer, processes=2)
        return replace(run, user_dir=str(parts), callbacks=callbacks, trainer=trainer)

    with pytest.raises(RuntimeError, match="process 1 died with exit code -9"):
        train(config("killed"))
    (tmp_path / "left_alone").mkdir()
    (tmp_path / "left_alone" / "died").touch()
    assert_same_run(train(config("killed")), train(config("left_alone")))
