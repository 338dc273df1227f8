"""The one training loop; models, tasks, criterions and callbacks hang on it and never touch it."""

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from glimmer.criterions.base import Criterion
from glimmer.data.values import Batch
from glimmer.errors import CheckpointError, ConfigError, TrainingError
from glimmer.evaluation.evaluate import TaskResult
from glimmer.memory.base import Memory
from glimmer.models.base import Model
from glimmer.precision import uses_bf16
from glimmer.tasks.base import Task
from glimmer.training.callbacks.base import Callback, LogEntry, Results
from glimmer.training.checkpoint import load_model_state
from glimmer.training.config import TrainerConfig
from glimmer.training.distributed import Group
from glimmer.training.optimizers import set_learning_rate
from glimmer.training.passages import PassageSchedule
from glimmer.training.randomness import rng_state, seed_everything, set_rng_state
from glimmer.training.sampler import Sampler
from glimmer.training.schedulers import LRScheduler
from glimmer.training.signals import StopSignals
from glimmer.training.stream import BatchStream, Collate
from glimmer.training.tally import EXACT, OVERALL, Tally
from glimmer.training.update import accumulate_gradients, clip_gradients, compile_layers, diagnose, total_counts

Evaluate = Callable[[Task, str, int | None], TaskResult]
"""Evaluates the reader on a split of a task, on so many records at most (None = all)."""


class Trainer:
    """Makes updates until the run is over.

    One update: draw questions, collate them into micro-batches, sum the criterions' counts over all micro-batches
    and ranks, and only then go backward, so that the loss is Σ_criterion weight · Σ values / Σ counts however the
    questions were cut up. Global generators are seeded anew at every step from (seed, step, rank).

    ``lr`` is the learning rate at the schedule's height; ``run_config`` (plain types) goes into checkpoints.
    """

    def __init__(
        self,
        config: TrainerConfig,
        *,
        reader: Model,
        tasks: Mapping[str, Task],
        criterions: Mapping[str, Criterion],
        collate: Collate,
        sampler: Sampler,
        optimizer: Optimizer,
        lr: float,
        lr_scheduler: LRScheduler,
        callbacks: Mapping[str, Callback],
        run_dir: Path,
        seed: int,
        run_config: Mapping[str, Any],
        evaluate: Evaluate | None = None,
        group: Group | None = None,
    ) -> None:
        self.config, self.run_dir, self.seed, self.run_config = config, run_dir, seed, run_config
        self.reader, self.tasks, self.criterions = reader, tasks, criterions
        self.evaluate = evaluate
        self.sampler, self.optimizer, self.lr, self.lr_scheduler = sampler, optimizer, lr, lr_scheduler
        self.callbacks = dict(callbacks)
        self.group = Group() if group is None else group
        self.schedule = PassageSchedule(config.stages, config.replay_every)
        self.stream = BatchStream(
            config, tasks=tasks, sampler=sampler, collate=collate, schedule=self.schedule, group=self.group
        )
        self.device = next(reader.parameters()).device
        self.step = 0
        """Updates made."""
        self.elapsed = 0.0
        """Seconds spent in the loop, over all resumptions."""
        self.stopped: str | None = None
        """Why a callback ended the run for good."""
        self.interrupted: str | None = None
        """The signal that asked to save and stop; the run can be resumed."""
        self.loss = math.nan
        """The loss of the last update."""
        self.questions_seen, self.tokens_seen = 0, 0
        """Questions, and their tokens without padding, over all ranks since the start or the last resumption."""
        self._tally = Tally()
        config.check_ranks(self.group.world)
        if config.compile:
            compile_layers(reader)

    @property
    def progress(self) -> float:
        """How much of the run is done, 0 to 1: by steps or by minutes, whichever is further."""
        by_step = self.step / self.config.steps if self.config.steps else 0.0
        by_time = self.elapsed / (60 * self.config.minutes) if self.config.minutes else 0.0
        return max(by_step, by_time)

    @property
    def finished(self) -> bool:
        """Whether the run is over for good."""
        return self.progress >= 1 or self.stopped is not None

    def stop(self, reason: str) -> None:
        """End the run for good after this step (for callbacks)."""
        self.stopped = reason

    def check(self) -> None:
        """Refuse what would fail only in the first update or evaluation; writes nothing, and comes after a resumption.

        Raises:
            GlimmerError: the memory is not that of the weights, or a callback refuses.
        """
        for memory in self._memories():
            memory.check()
        self._call("check")

    def fit(self) -> None:
        """Train until the run is over, or a signal asks to save and stop (then ``interrupted`` says which).

        Raises:
            TrainingError: the loss or the gradient is not finite; nothing was updated or saved since.
        """
        error: BaseException | None = None
        with StopSignals() as signals:
            try:
                self._call("on_start")
                if not self.finished:
                    self.group.on_main(self._prepare)
                start = time.monotonic() - self.elapsed
                while not self.finished and self.interrupted is None:
                    self._update(start, signals)
                    self._call("on_update")
                    if self.step % self.config.log_every == 0 or self.finished:
                        self._log_training()
                    self._call("on_step")
                    self._call("on_boundary")
            except BaseException as caught:
                error = caught
                raise
            finally:
                for memory in self._memories():
                    memory.expect(())
                self._call("on_end", error)

    def log(self, kind: str, task: str | None, values: Mapping[str, float]) -> None:
        """Give values to every callback that writes them."""
        self._call("on_log", LogEntry(self.step, kind, task, values))

    def evaluated(self, results: Results, score: float) -> None:
        """Tell every callback the results of an evaluation."""
        self._call("on_evaluation", results, score)

    @contextmanager
    def published_weights(self) -> Iterator[None]:
        """Put the weights that evaluation uses into the reader (the moving average, where a callback keeps one)."""
        given = {name: w for name, callback in self.callbacks.items() if (w := callback.weights()) is not None}
        if len(given) > 1:
            raise ConfigError(f"callbacks: {' and '.join(given)} both replace the weights for evaluation; keep one")
        # By parameter, not by state: a parameter that two modules share has two names there, one of them not given.
        parameters = dict(self.reader.named_parameters())
        own = {name: parameters[name].detach().clone() for weights in given.values() for name in weights}
        for weights in given.values():
            _copy(weights, parameters)
        try:
            yield
        finally:
            _copy(own, parameters)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the run needs to go on from here, as tensors and plain types."""
        return {
            "model": self.reader.state_dict(),
            "config": self.run_config,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "elapsed": self.elapsed,
            "stopped": self.stopped,
            "sampler": self.sampler.state_dict(),
            "schedule": self.schedule.state_dict(),
            "tally": self._tally.sums,
            "callbacks": {name: callback.state_dict() for name, callback in self.callbacks.items()},
            "rng": rng_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any], source: str) -> None:
        """Go on from ``state_dict``; ``source`` names it in messages.

        Raises:
            CheckpointError: the state is not that of a run, or of one with another model, tasks, stages or callbacks.
        """
        if "optimizer" not in state:
            raise CheckpointError(f"{source}: holds weights alone; a run resumes from last.pt (or: trainer.initialise)")
        if state["callbacks"].keys() != self.callbacks.keys():
            raise CheckpointError(
                f"{source}: was saved with the callbacks {', '.join(state['callbacks'])}; "
                f"this run has {', '.join(self.callbacks)}"
            )
        load_model_state(self.reader, state["model"], source)
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.elapsed, self.stopped = state["step"], state["elapsed"], state["stopped"]
        self.sampler.load_state_dict(state["sampler"])
        self.schedule.load_state_dict(state["schedule"])
        self._tally = Tally(state["tally"])
        for name, callback in self.callbacks.items():
            callback.load_state_dict(state["callbacks"][name])
        set_rng_state(state["rng"])

    def _prepare(self) -> None:
        """Draw an example of every task: what is made once and kept (candidates, their index) is made here, once."""
        for task in self.tasks.values():
            task.example("train", 0, random.Random(0))

    def _update(self, start: float, signals: StopSignals) -> None:
        """Make one update of the parameters."""
        seed_everything(self.seed, "step", self.step, self.group.rank)
        update = self.stream.take(self.step)
        batches = update.batches
        self._tell_memories(batches)
        questions, tokens = sum(map(len, batches)), sum(map(_tokens, batches))
        totals = total_counts(self.criterions, batches, self.group)  # before they move: no waiting for the device
        batches = [batch.to(self.device) for batch in batches]
        parameters = [p for p in self.reader.parameters() if p.requires_grad]
        self.reader.train()
        self.optimizer.zero_grad(set_to_none=True)
        gradients = accumulate_gradients(
            self.reader, self.criterions, batches, totals, bf16=uses_bf16(self.config.precision, self.device)
        )
        self.group.sum_gradients(parameters)
        norm = clip_gradients(parameters, self.config.clip)
        tally = Tally().merge(self.group.gather(gradients.tally))
        loss = sum(c.config.weight * tally.mean(name) for name, c in self.criterions.items())
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise TrainingError(diagnose(self.group.gather(gradients), loss, norm, self.step + 1))
        rate = self.lr * self.lr_scheduler.multiplier(self.step, self.progress)
        set_learning_rate(self.optimizer, rate)
        self.optimizer.step()
        for memory in self._memories():
            memory.learn(self.group)
        self.schedule.update(self.step, tally.mean(EXACT), update.stage.questions or self.config.questions)
        self.step += 1
        self.loss = loss
        for name, value in (("loss", loss), ("gradient_norm", norm), ("learning_rate", rate)):
            tally.record(OVERALL, name, value)
        tally.record(OVERALL, "stage", self.schedule.number)
        self._tally.merge([tally])
        ranks = self.group.gather((questions, tokens, time.monotonic() - start, signals.received))
        self.questions_seen += sum(rank[0] for rank in ranks)
        self.tokens_seen += sum(rank[1] for rank in ranks)
        self.elapsed = ranks[0][2]
        self.interrupted = next((rank[3] for rank in ranks if rank[3]), None)

    def _tell_memories(self, batches: Sequence[Batch]) -> None:
        """Say which batches come next, to those that read ahead."""
        for memory in self._memories():
            if memory.ahead:
                coming = self.stream.coming(self.step + 1, memory.ahead, self.config.steps)
                memory.expect([*batches, *coming])

    def _memories(self) -> list[Memory]:
        return [module for module in self.reader.modules() if isinstance(module, Memory)]

    def _log_training(self) -> None:
        for task, values in self._tally.means().items():
            self.log("train", task or None, values)
        self._tally = Tally()

    def _call(self, hook: str, *arguments: Any) -> None:
        for callback in self.callbacks.values():
            getattr(callback, hook)(self, *arguments)


@torch.no_grad()
def _copy(weights: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> None:
    for name, weight in weights.items():
        parameters[name].copy_(weight)


def _tokens(batch: Batch) -> int:
    return sum(int(tokens.mask.sum()) for tokens in (batch.questions, batch.passages, batch.targets))
