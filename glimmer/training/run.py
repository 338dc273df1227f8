"""Train a run in its folder, from the beginning or from where it was."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from glimmer.data.collection import Corpus
from glimmer.data.files import read_json, write_bytes, write_json
from glimmer.data.tokenizers import Tokenizer, load_tokenizer, train_tokenizer
from glimmer.errors import ConfigError, InterruptionError
from glimmer.retrieval.precomputed import PrecomputedConfig
from glimmer.tasks import Task
from glimmer.tasks.supervised import SupervisedTask
from glimmer.training.build import build_trainer, choose_device, choose_processes, plain, torch_as_it_was
from glimmer.training.callbacks.checkpoint import FOLDER, LAST
from glimmer.training.callbacks.evaluation import EvaluationConfig
from glimmer.training.checkpoint import load_checkpoint
from glimmer.training.distributed import Group
from glimmer.training.environment import describe_environment
from glimmer.training.launch import launch
from glimmer.training.trainer import Trainer

if TYPE_CHECKING:
    from glimmer.config.schema import RunConfig

CONFIG, ENVIRONMENT, TOKENIZER = "config.yaml", "environment.json", "tokenizer.json"


def train(config: "RunConfig") -> Path:
    """Train ``config`` and return the run's folder; a run that was stopped or killed goes on from ``last.pt``.

    The folder gets ``config.yaml``, ``environment.json``, ``tokenizer.json`` and what the callbacks write. A run
    that is finished is left as it is.

    Raises:
        ConfigError: the folder holds a run with another configuration.
        InterruptionError: SIGINT or SIGTERM asked to stop; the run is saved.
        GlimmerError: anything else that is wrong with configuration, data or checkpoint.
    """
    launch(partial(_train, config), choose_processes(config.trainer), config.user_dir)
    return Path(config.run_dir)


def _train(config: "RunConfig") -> None:
    """Train in this process, which may be one of several."""
    device = choose_device(config.trainer)
    with torch_as_it_was(), Group.from_environment(device.type) as group:
        trainer, tokenizer = _prepare(config, group)
        if trainer.finished:
            return
        if group.is_main:
            _write_description(trainer, tokenizer)
        trainer.fit()
        if trainer.interrupted is not None:
            last = trainer.run_dir / FOLDER / LAST
            there = group.on_main(last.exists)  # the other processes leave no earlier than the main one has saved
            saved = f"saved to {last}; the same command goes on from there" if there else "nothing was saved"
            raise InterruptionError(f"stopped by {trainer.interrupted} after step {trainer.step}: {saved}")


def rehearse(config: "RunConfig") -> Trainer:
    """Do all that ``train`` does before the first update, in one process, and write nothing into the run's folder.

    Raises:
        GlimmerError: what ``train`` would refuse.
    """
    choose_processes(config.trainer)
    with torch_as_it_was():
        trainer, _ = _prepare(config, Group())
    return trainer


def _prepare(config: "RunConfig", group: Group) -> tuple[Trainer, Tokenizer]:
    """A trainer that stands where the run begins or goes on, and its tokenizer; nothing that can be refused is left."""
    folder = Path(config.run_dir)
    last = folder / FOLDER / LAST
    if last.exists():
        state = load_checkpoint(last)
        check_same_run(state["config"], plain(config), folder)
        tokenizer = load_tokenizer(replace(config.tokenizer, file=str(folder / TOKENIZER)))
        trainer = build_trainer(config, tokenizer, group)
        trainer.load_state_dict(state, str(last))
    else:
        # A tokenizer.json without a checkpoint is left from a start that came to nothing, maybe under other options.
        tokenizer = prepare_tokenizer(config, group)
        trainer = build_trainer(config, tokenizer, group)
    trainer.check()
    group.on_main(lambda: _read_candidates(trainer, config))
    return trainer, tokenizer


def _read_candidates(trainer: Trainer, config: "RunConfig") -> None:
    """Read the candidates that were found before the run; check what will retrieve others when they are asked for."""
    for task in trainer.tasks.values():
        if isinstance(task, SupervisedTask):
            if isinstance(task.data, Corpus):
                task.data.retriever(task.stem).check()
            found_before = isinstance(config.data.retriever_of(task.stem), PrecomputedConfig)
            for split in used_splits(task, config) if found_before else ():
                task.data.candidates(task.stem, split)


def used_splits(task: Task, config: "RunConfig") -> list[str]:
    """The splits of a task that a run reads, the one that it trains on first."""
    evaluations = [c for c in config.callbacks.values() if isinstance(c, EvaluationConfig)]
    evaluated = [c.split for c in evaluations if task.supervised and (not c.tasks or task.key in c.tasks)]
    return list(dict.fromkeys(["train", *evaluated]))


def prepare_tokenizer(config: "RunConfig", group: Group) -> Tokenizer:
    """The tokenizer that a run begins with: of ``tokenizer.file``, or trained on the passages for training.

    Raises:
        DataError: the file is missing or broken, or there are no passages for training.
    """
    if config.tokenizer.file is not None:
        return load_tokenizer(config.tokenizer)

    def learn() -> Tokenizer:
        passages = Corpus(config.data).passages("train")
        return train_tokenizer(config.tokenizer, (f"{p.title} {p.text}" for p in passages))

    return group.on_main(learn)


def check_same_run(saved: Mapping[str, Any], current: Mapping[str, Any], folder: Path) -> None:
    """Refuse to go on with a run under another configuration; the folder itself may have moved.

    Raises:
        ConfigError: names the first key that differs, and both values.
    """
    for key, before, now in differences(saved, current):
        if key != "run_dir":
            raise ConfigError(
                f"{folder} holds a run with {key}={before!r}, this one has {key}={now!r}; "
                "use the same configuration to go on, or another run_dir"
            )


def differences(first: Any, second: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every key at which two plain configurations differ, dotted, with both values (None where it is missing)."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for name in sorted(first.keys() | second.keys()):
            yield from differences(first.get(name), second.get(name), f"{key}.{name}" if key else str(name))
    elif isinstance(first, list | tuple) and isinstance(second, list | tuple):
        for i, (one, other) in enumerate(zip_longest(first, second)):
            yield from differences(one, other, f"{key}[{i}]")
    elif first != second:
        yield key, first, second


def _write_description(trainer: Trainer, tokenizer: Tokenizer) -> None:
    """Write what describes the run; ``environment.json`` lists every session of it."""
    folder = trainer.run_dir
    write_bytes(folder / CONFIG, OmegaConf.to_yaml(OmegaConf.create(dict(trainer.run_config))).encode())
    tokenizer.save(folder / TOKENIZER)
    path = folder / ENVIRONMENT
    resumed = trainer.step > 0 and path.exists()
    sessions = read_json(path, "the sessions of a run")["sessions"] if resumed else []
    session = describe_environment(trainer.device, trainer.seed, trainer.group.world, trainer.step)
    write_json(path, {"sessions": [*sessions, session]})
