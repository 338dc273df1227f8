"""Put a trainer together from a run's configuration."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from glimmer.criterions import CRITERIONS
from glimmer.data.collate import Collator
from glimmer.data.collection import Corpus
from glimmer.data.files import resolve_file
from glimmer.data.hub import resolve_folder
from glimmer.data.tokenizers import Tokenizer
from glimmer.errors import CheckpointError, ConfigError
from glimmer.evaluation.evaluate import TaskResult, evaluate_task
from glimmer.models.base import Model
from glimmer.models.build import build_reader
from glimmer.models.encoders import Encoder
from glimmer.models.grow import grow
from glimmer.models.huggingface.load import load_checkpoint_folder
from glimmer.models.weights import assign_weights, load_weights
from glimmer.precision import uses_bf16
from glimmer.tasks import TASKS, Task, require_sentinels
from glimmer.training.callbacks import CALLBACKS
from glimmer.training.checkpoint import load_checkpoint
from glimmer.training.config import TrainerConfig
from glimmer.training.distributed import Group
from glimmer.training.optimizers import OPTIMIZERS, parameter_groups, require_match
from glimmer.training.randomness import seed_everything
from glimmer.training.sampler import Sampler
from glimmer.training.schedulers import LR_SCHEDULERS
from glimmer.training.trainer import Evaluate, Trainer

if TYPE_CHECKING:
    from glimmer.config.schema import RunConfig

log = logging.getLogger(__name__)


def build_trainer(config: "RunConfig", tokenizer: Tokenizer, group: Group | None = None) -> Trainer:
    """Build everything that ``config`` describes, with the weights that the run starts from.

    Raises:
        GlimmerError: data that is missing or broken, options that do not fit together, or weights that do not fit.
    """
    corpus = Corpus(config.data)
    tasks = {key: TASKS.build(options, key, corpus) for key, options in config.tasks.items()}
    require_sentinels(tasks, tokenizer)
    collator = Collator(config.collator, tokenizer, corpus.gold_passage)
    device = choose_device(config.trainer)
    make_deterministic(config.trainer.deterministic)
    reader = build_initial_reader(config, tokenizer).to(device)
    group = Group() if group is None else group
    group.share_weights(reader)
    return Trainer(
        config.trainer,
        reader=reader,
        tasks=tasks,
        criterions={key: CRITERIONS.build(options) for key, options in config.criterions.items()},
        collate=collator,
        sampler=Sampler(config.sampler, {key: task.size("train") for key, task in tasks.items()}, config.seed),
        optimizer=OPTIMIZERS.build(config.optimizer, parameter_groups(config.optimizer, reader.named_parameters())),
        lr=config.optimizer.lr,
        lr_scheduler=LR_SCHEDULERS.build(config.lr_scheduler),
        callbacks={key: CALLBACKS.build(options) for key, options in config.callbacks.items()},
        run_dir=Path(config.run_dir),
        seed=config.seed,
        run_config=plain(config),
        evaluate=_evaluator(config, reader, collator, tokenizer, device),
        group=group,
    )


def build_initial_reader(config: "RunConfig", tokenizer: Tokenizer) -> Model:
    """The reader with the weights that training starts from.

    Raises:
        GlimmerError: its options do not fit together, or the weights do not fit it.
    """
    seed_everything(config.seed, "initial weights")
    reader = build_reader(config, tokenizer)
    if config.trainer.initialise is not None:
        initialise(reader, config.trainer.initialise, config.trainer.fresh, config.trainer.reduce)
    return reader


def plain(config: "RunConfig") -> dict[str, Any]:
    """The configuration as plain types, which ``load_run_config`` reads back."""
    return asdict(config)


def choose_device(config: TrainerConfig) -> torch.device:
    """The device that ``trainer.device`` names.

    Raises:
        ConfigError: it is cuda, and there is none.
    """
    if config.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("trainer.device is cuda, but torch finds no CUDA device here; use auto or cpu")
    use_cuda = config.device == "cuda" or (config.device == "auto" and torch.cuda.is_available())
    return torch.device("cuda", torch.cuda.current_device()) if use_cuda else torch.device("cpu")


def choose_processes(config: TrainerConfig) -> int:
    """How many processes a run takes: as many as ``torchrun`` started, else those of ``trainer.processes``.

    Raises:
        ConfigError: they are more than there are CUDA devices or questions, or ``choose_device`` refuses.
    """
    on_cuda = choose_device(config).type == "cuda"
    if "WORLD_SIZE" in os.environ:
        processes = int(os.environ["WORLD_SIZE"])
    elif config.processes is None:
        processes = 1 if on_cuda else min(2, torch.get_num_threads())
    elif on_cuda and config.processes > torch.cuda.device_count():
        raise ConfigError(
            f"trainer.processes is {config.processes}, one a CUDA device at most, and there are "
            f"{torch.cuda.device_count()}; use fewer, or trainer.device=cpu"
        )
    else:
        processes = config.processes
    config.check_ranks(processes)
    return processes


@contextmanager
def torch_as_it_was() -> Iterator[None]:
    """Give back at the end what ``make_deterministic`` chose for a run: other work in this process is none of it."""
    before = torch.are_deterministic_algorithms_enabled()
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def make_deterministic(deterministic: bool) -> None:
    """Have torch use only operations that give the same bits every time, or let it use any."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it, cuBLAS refuses to be deterministic
    torch.use_deterministic_algorithms(deterministic)
    # Nothing here reads memory before it is written, and filling it costs a quarter of a small reader's step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def initialise(reader: Model, source: str, fresh: str | None = None, reduce: str | None = None) -> None:
    """Start from a checkpoint (``.pt``), an exported file (``load_weights``), or the folder of a T5 or a BERT.

    A checkpoint of a shallower encoder grows into the reader's depth without changing what it computes.

    Raises:
        ConfigError: ``fresh`` is in no parameter's name, or ``source`` names a package that is not installed.
        CheckpointError: the file is missing or damaged, or its weights do not fit.
        DataError: ``source`` is ``package:NAME``, and glimmer ships no such file, or it cannot be fetched.
    """
    if fresh is not None:
        require_match("trainer.fresh", fresh, [name for name, _ in reader.named_parameters()], "of the reader")
    try:
        _initialise(reader, resolve_folder(source) or resolve_file(source), fresh, reduce)
    except CheckpointError as error:
        raise CheckpointError(f"trainer.initialise={source}: {error}; null starts from nothing") from None


def _initialise(reader: Model, path: Path, fresh: str | None, reduce: str | None) -> None:
    if path.is_dir():
        notes = load_checkpoint_folder(reader, path, fresh, reduce)
        if os.environ.get("RANK", "0") == "0":  # once, however many processes do the same
            for note in notes:
                log.warning("from %s: %s", path, note)
        return
    if path.suffix != ".pt":
        load_weights(reader, path, fresh)
        return
    state = load_checkpoint(path)
    weights: dict[str, Tensor] = state["model"]
    seen: set[int] = set()
    # A tensor that has two names is one parameter, under the first.
    own = {n: w for n, w in weights.items() if w.data_ptr() not in seen and not seen.add(w.data_ptr())}  # type: ignore[func-returns-value]
    encoder = getattr(reader, "encoder", None)
    # Models and encoders from plug-ins need not have these options; then nothing grows.
    layers, live = state["config"]["encoder"].get("layers"), state["config"]["model"].get("live_layers")
    if isinstance(encoder, Encoder) and layers is not None and live is not None and encoder.layers > layers:
        target = (encoder.memory_layers, encoder.layers - encoder.memory_layers)
        own = grow(own, dict(reader.named_parameters()), (layers - live, live), target)
    assign_weights(reader, own, str(path), state["config"]["reranker"]["name"], fresh)


def _evaluator(
    config: "RunConfig", reader: Model, collator: Collator, tokenizer: Tokenizer, device: torch.device
) -> Evaluate:
    bf16 = uses_bf16(config.trainer.precision, device)

    def evaluate(task: Task, split: str, limit: int | None) -> TaskResult:
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            return evaluate_task(
                reader, task, split, collator, tokenizer, config.generation, limit=limit, device=device
            )

    return evaluate
