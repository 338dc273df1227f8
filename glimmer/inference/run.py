"""Load a trained run, as its configuration built it or with other numbers of passages."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from glimmer.config.compose import compose_run
from glimmer.config.load import load_run_config
from glimmer.config.schema import RunConfig
from glimmer.data import factbook
from glimmer.data.collate import Collator
from glimmer.data.collection import Corpus, DataConfig
from glimmer.data.files import PACKAGE, resolve_file
from glimmer.data.tokenizers import Tokenizer, load_tokenizer
from glimmer.errors import CheckpointError, ConfigError, suggest
from glimmer.evaluation.evaluate import TaskResult, evaluate_task
from glimmer.inference.changes import Changes
from glimmer.inference.codec import require_learned
from glimmer.memory import MEMORIES, StoredMemory
from glimmer.models.base import Model
from glimmer.models.build import build_reader
from glimmer.models.reader import Reader
from glimmer.models.weights import without_memory
from glimmer.plugins import load_plugins
from glimmer.precision import uses_bf16
from glimmer.tasks import TASKS, Task
from glimmer.training.build import build_initial_reader, choose_device
from glimmer.training.callbacks import CALLBACKS
from glimmer.training.callbacks.checkpoint import BEST, FOLDER, LAST
from glimmer.training.checkpoint import load_checkpoint, load_model_state
from glimmer.training.config import TrainerConfig
from glimmer.training.distributed import Group
from glimmer.training.run import TOKENIZER, prepare_tokenizer


@dataclass(frozen=True)
class LoadedRun:
    """A trained reader with all that it takes to put questions to it."""

    folder: Path
    checkpoint: Path
    step: int
    """Updates that made the weights."""
    config: RunConfig
    """As trained, but for what ``load_run`` was told to change."""
    reader: Model
    tokenizer: Tokenizer
    collator: Collator
    corpus: Corpus
    tasks: Mapping[str, Task]
    device: torch.device
    passages: int | None
    """Candidates of a question; None = as configured."""
    variant: str = ""
    """What else than the run itself was loaded (checkpoint, numbers, folders), as a part of file names."""

    @property
    def retrieved(self) -> int:
        """Candidates of a question."""
        return self.passages or self.config.collator.passages or self.config.data.retrieved

    @property
    def supervised(self) -> tuple[str, ...]:
        """The tasks that have evaluation data, in the configuration's order."""
        return tuple(key for key, task in self.tasks.items() if task.supervised)

    def task(self, key: str) -> Task:
        """The task called ``key``.

        Raises:
            ConfigError: the run has none.
        """
        if key not in self.tasks:
            raise ConfigError(f"{self.folder} has no task {key!r}; {suggest(key, self.supervised)}")
        return self.tasks[key]

    def autocast(self) -> AbstractContextManager[Any]:
        """The arithmetic that the run was trained and evaluated in."""
        enabled = uses_bf16(self.config.trainer.precision, self.device)
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)

    def reading(self, store: Path) -> "LoadedRun":
        """The same reader with the passages' memory read from ``store``.

        Raises:
            StoreError: the store is missing or damaged, or (at the first read) of another encoder.
        """
        config = replace(self.config, memory=MEMORIES.configure("stored", path=str(store)))
        reader = build_reader(config, self.tokenizer)
        _put_in(reader, self.reader.state_dict(), str(self.checkpoint))
        return replace(self, config=config, reader=reader.to(self.device).eval())

    def evaluate(
        self, task: str, split: str, *, limit: int | None = None, batch_size: int = 32, progress: bool = False
    ) -> TaskResult:
        """Evaluate a task on a split; see ``glimmer.evaluation.evaluate.evaluate_task``."""
        with self.autocast():
            return evaluate_task(
                self.reader,
                self.task(task),
                split,
                self.collator,
                self.tokenizer,
                self.config.generation,
                limit=limit,
                batch_size=batch_size,
                passages=self.passages,
                device=self.device,
                progress=progress,
            )


def load_run(
    run: Path | str,
    *,
    checkpoint: str | None = None,
    passages: int | None = None,
    kept: int | None = None,
    data: Path | str | None = None,
    memory: Path | str | None = None,
    overrides: Sequence[str] = (),
    device: str = "auto",
) -> LoadedRun:
    """Load a run's folder, a checkpoint file, or ``package:EXPERIMENT``: as it starts from shipped weights.

    What is shipped has a folder of its own, ``shipped-NAME`` beside the one that the experiment trains in, and builds
    the built-in corpus where there is none.

    ``checkpoint`` is ``best``, ``last`` or a file; None takes the best if there is one, else the last. Of the last,
    the moving average is taken where the run kept one, as in the run's own evaluation. ``passages`` and ``kept``
    change how many candidates a question gets and how many the selector keeps; ``data`` is another folder for
    the corpus; ``memory`` is the folder of a memory store to read passages from; ``overrides`` are ``KEY=VALUE`` for
    options of the parts that weights do not depend on (``generation.beams=4``); ``device`` is auto, cpu or cuda.

    Raises:
        GlimmerError: there is no such run or checkpoint, its weights do not fit, or a number is impossible.
    """
    changes = Changes(passages=passages, kept=kept, data=data, memory=memory, overrides=overrides)
    if str(run).startswith(PACKAGE):
        if checkpoint is not None:
            raise CheckpointError(f"{run} has the shipped weights alone, no checkpoint {checkpoint!r}")
        composed = compose_run([f"experiment={str(run).removeprefix(PACKAGE)}", f"trainer.device={device}"])
        if composed.trainer.initialise is None or composed.trainer.fresh is not None:
            raise CheckpointError(
                f"{run}: this experiment starts, in part or as a whole, from nothing; glimmer ships no weights for it"
            )
        default = DataConfig().dir
        if data is None and composed.data.dir == default and not Path(default).exists():
            factbook.ensure(Path(default))  # so that what is shipped answers at once
        folder = Path(composed.run_dir)
        composed = replace(composed, run_dir=str(folder.with_name(f"shipped-{folder.name}")))
        config = changes.apply(composed)
        return replace(untrained_run(config, passages), variant="-".join(changes.parts(composed, config)))
    path = find_checkpoint(Path(run), checkpoint)
    target = choose_device(TrainerConfig(device=device))
    state = load_checkpoint(path)
    load_plugins(state["config"].get("user_dir"))
    trained = load_run_config(state["config"])
    config = changes.apply(trained)
    folder = path.parent.parent if path.parent.name == FOLDER else path.parent
    tokenizer = load_tokenizer(replace(config.tokenizer, file=str(folder / TOKENIZER)))
    reader = build_reader(config, tokenizer)
    _put_in(reader, state["model"], str(path))
    _publish(reader, config, state)
    loaded = _assembled(config, reader.to(target), tokenizer, folder, path, state["step"], passages)
    other = [] if path == _default_checkpoint(folder) else [path.stem]
    return replace(loaded, variant="-".join([*other, *changes.parts(trained, config)]))


def untrained_run(config: RunConfig, passages: int | None = None) -> LoadedRun:
    """The run of ``config`` as its training would begin; its checkpoint is what the weights come from, if anything.

    Raises:
        GlimmerError: data or weights that ``config`` names are at fault.
    """
    tokenizer = prepare_tokenizer(config, Group())
    reader = build_initial_reader(config, tokenizer).to(choose_device(config.trainer))
    folder, origin = Path(config.run_dir), config.trainer.initialise
    checkpoint = folder / FOLDER / LAST if origin is None else resolve_file(origin)
    return _assembled(config, reader, tokenizer, folder, checkpoint, 0, passages)


def _assembled(
    config: RunConfig,
    reader: Model,
    tokenizer: Tokenizer,
    folder: Path,
    checkpoint: Path,
    step: int,
    passages: int | None,
) -> LoadedRun:
    corpus = Corpus(config.data)
    return LoadedRun(
        folder=folder,
        checkpoint=checkpoint,
        step=step,
        config=config,
        reader=reader.eval(),
        tokenizer=tokenizer,
        collator=Collator(config.collator, tokenizer, corpus.gold_passage),
        corpus=corpus,
        tasks={key: TASKS.build(options, key, corpus) for key, options in config.tasks.items()},
        device=next(reader.parameters()).device,
        passages=passages,
    )


def find_checkpoint(run: Path, checkpoint: str | None = None) -> Path:
    """The checkpoint file that ``run`` (a run's folder or a file) and ``checkpoint`` mean.

    Raises:
        CheckpointError: there is no such run, or it has no checkpoint yet.
    """
    if run.is_file():
        if checkpoint is not None:
            raise CheckpointError(f"{run} is a checkpoint file already; name its run's folder to choose {checkpoint!r}")
        return run
    if not run.is_dir():
        beside = [p.name for p in run.parent.iterdir() if (p / FOLDER).is_dir()] if run.parent.is_dir() else []
        raise CheckpointError(f"{run}: no such run in {run.parent}; {suggest(run.name, beside)}")
    if checkpoint is not None and checkpoint not in ("best", "last"):
        return Path(checkpoint)
    folder = run / FOLDER
    path = _default_checkpoint(run) if checkpoint is None else folder / f"{checkpoint}.pt"
    if path is None or not path.exists():
        there = [p.stem for p in folder.glob("*.pt")]
        raise CheckpointError(
            f"{run} has no checkpoint {checkpoint or 'best or last'}; {suggest(checkpoint or 'best', there)}"
        )
    return path


def _default_checkpoint(run: Path) -> Path | None:
    return next((path for name in (BEST, LAST) if (path := run / FOLDER / name).exists()), None)


def _put_in(reader: Model, weights: Mapping[str, Tensor], source: str) -> None:
    """Load a reader's state, but for what its memory has learned where memory is read from a store instead."""
    if isinstance(reader, Reader) and isinstance(reader.memory, StoredMemory):
        require_learned(reader.memory.store, weights)
        weights = without_memory(weights)
    load_model_state(reader, weights, source)


@torch.no_grad()
def _publish(reader: Model, config: RunConfig, state: Mapping[str, Any]) -> None:
    """Put in the weights that a callback of the run keeps for evaluation; the best checkpoint holds them already."""
    parameters = dict(reader.named_parameters())
    for key, saved in state.get("callbacks", {}).items():
        callback = CALLBACKS.build(config.callbacks[key])
        callback.load_state_dict(saved)
        weights: Mapping[str, Tensor] = callback.weights() or {}
        for name, weight in weights.items():
            parameters[name].copy_(weight)
