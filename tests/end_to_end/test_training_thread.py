"""One thread through the whole: drills, batches, the sampler, the loop, and a resumption that changes no bit."""

from pathlib import Path
from typing import Any

import pytest
import torch
from small_readers import small_reader

import glimmer.criterions  # noqa: F401 - registers the built-ins
from glimmer.criterions.base import CRITERIONS
from glimmer.criterions.cross_entropy import CrossEntropy
from glimmer.data.collate import Collator, CollatorConfig
from glimmer.data.tokenizers import TOKENIZERS, Tokenizer
from glimmer.data.values import Batch, Candidate, Passage, Record
from glimmer.errors import TrainingError
from glimmer.tasks import TASKS
from glimmer.tasks.base import Task
from glimmer.training.callbacks import Callback, CallbackConfig, LogEntry
from glimmer.training.checkpoint import load_checkpoint, save_checkpoint
from glimmer.training.config import TrainerConfig
from glimmer.training.optimizers import OPTIMIZERS, parameter_groups
from glimmer.training.passages import StageConfig
from glimmer.training.sampler import Sampler, SamplerConfig
from glimmer.training.schedulers import LR_SCHEDULERS
from glimmer.training.trainer import Trainer

PASSAGES = [
    Passage(f"p{i}", f"Land {i} - People", f"Capital: Town {i}. Language: Tongue {i}. The river of land {i} is long.")
    for i in range(12)
]


class Drills:
    """A corpus of passages alone."""

    def records(self, task: str, split: str) -> list[Record]:
        return []

    def candidates(self, task: str, split: str) -> list[tuple[Candidate, ...]]:
        return []

    def passages(self, split: str | None = None) -> list[Passage]:
        return PASSAGES


class Recorder(Callback):
    """Keeps every logged value, and may end the run early."""

    def __init__(self, leave_at: int | None = None) -> None:
        super().__init__(CallbackConfig(name="recorder"))
        self.leave_at = leave_at
        self.entries: list[LogEntry] = []

    def on_log(self, trainer: Trainer, entry: LogEntry) -> None:
        self.entries.append(entry)

    def on_boundary(self, trainer: Trainer) -> None:
        if trainer.step == self.leave_at:
            trainer.interrupted = "test"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    config = TOKENIZERS.configure("bpe", vocabulary=300)
    texts = [
        f"{p.title} {p.text} question: what is the of name slot: relation: abcdefghijklmnopqrstuvwxyz" for p in PASSAGES
    ]
    return TOKENIZERS["bpe"].component.train(config, texts)


def make_trainer(tokenizer: Tokenizer, folder: Path, recorder: Recorder, steps: int = 8, lr: float = 3e-3) -> Trainer:
    reader = small_reader(vocabulary=tokenizer.vocabulary, selector="top_m", selector_options={"kept": 1})
    tasks: dict[str, Task] = {
        name: TASKS.build(TASKS.configure(name), name, Drills()) for name in ("copying", "denoising")
    }
    config = OPTIMIZERS.configure("adamw", lr=lr)
    return Trainer(
        TrainerConfig(
            steps=steps, questions=6, micro_questions=4, log_every=2, device="cpu", stages=[StageConfig(passages=2)]
        ),
        reader=reader,
        tasks=tasks,
        criterions={
            name: CRITERIONS.build(CRITERIONS.configure(name)) for name in ("cross_entropy", "perplexity_distillation")
        },
        collate=Collator(CollatorConfig(), tokenizer),
        sampler=Sampler(SamplerConfig(mixing="uniform"), {n: t.size("train") for n, t in tasks.items()}, seed=3),
        optimizer=OPTIMIZERS.build(config, parameter_groups(config, reader.named_parameters())),
        lr=lr,
        lr_scheduler=LR_SCHEDULERS.build(LR_SCHEDULERS.configure("linear")),
        callbacks={"recorder": recorder},
        run_dir=folder,
        seed=3,
        run_config={},
    )


def test_a_resumed_run_is_the_run_left_alone(tokenizer: Tokenizer, tmp_path: Path) -> None:
    whole = Recorder()
    left_alone = make_trainer(tokenizer, tmp_path, whole)
    left_alone.fit()
    assert left_alone.step == 8

    first, second = Recorder(leave_at=3), Recorder()
    stopped = make_trainer(tokenizer, tmp_path, first)
    stopped.fit()
    assert stopped.step == 3
    save_checkpoint(tmp_path / "last.pt", stopped.state_dict())
    torch.rand(5)  # whatever the process did in between must not matter
    resumed = make_trainer(tokenizer, tmp_path, second)
    resumed.load_state_dict(load_checkpoint(tmp_path / "last.pt"), "last.pt")
    resumed.fit()

    weights, expected = resumed.reader.state_dict(), left_alone.reader.state_dict()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    assert [*first.entries, *second.entries] == whole.entries
    assert {entry.task for entry in whole.entries} == {None, "copying", "denoising"}


def test_counts_are_taken_before_a_batch_moves_to_the_device(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(tokenizer, tmp_path, Recorder(), steps=1)
    order = []

    def tell(kind: type, name: str) -> None:
        own = getattr(kind, name)

        def told(*arguments: Any, **options: Any) -> Any:
            order.append(name)
            return own(*arguments, **options)

        monkeypatch.setattr(kind, name, told)

    tell(Batch, "to")
    tell(CrossEntropy, "counts")
    tell(type(trainer.reader), "forward")
    trainer.fit()
    assert order[:5] == ["counts", "counts", "to", "to", "forward"]  # reading a count back would wait for the device


def test_training_lowers_the_loss(tokenizer: Tokenizer, tmp_path: Path) -> None:
    recorder = Recorder()
    make_trainer(tokenizer, tmp_path, recorder, steps=60, lr=1e-2).fit()
    losses = [entry.values["cross_entropy"] for entry in recorder.entries if entry.task is None]
    assert sum(losses[-5:]) / 5 < 0.8 * losses[0]


def test_a_loss_that_is_not_finite_stops_the_run(tokenizer: Tokenizer, tmp_path: Path) -> None:
    trainer = make_trainer(tokenizer, tmp_path, Recorder())
    with torch.no_grad():
        trainer.reader.get_parameter("decoder.final_norm.weight").fill_(float("nan"))
    before = {name: value.clone() for name, value in trainer.reader.state_dict().items()}
    with pytest.raises(TrainingError, match="step 1"):
        trainer.fit()
    after = trainer.reader.state_dict()
    assert all(torch.equal(after[n], before[n]) or before[n].isnan().any() for n in before)
