"""Checks that no part of a run can make alone: whether its parts fit together."""

from collections.abc import Collection, Sequence

from glimmer.config.schema import RunConfig
from glimmer.criterions.base import CRITERIONS
from glimmer.errors import ConfigError, suggest
from glimmer.models.rerankers import RERANKERS
from glimmer.training.callbacks.evaluation import EvaluationConfig
from glimmer.training.passages import PassageSchedule
from glimmer.training.sampler import mixing_rates


def check(config: RunConfig) -> None:
    """Refuse a combination that cannot work.

    Raises:
        ConfigError: names the keys that contradict each other.
        RegistryError: a component's name is unknown.
    """
    _check_layers(config)
    _check_passages(config)
    _check_scores(config)
    _check_training(config)


def _check_layers(config: RunConfig) -> None:
    layers, live = getattr(config.encoder, "layers", None), config.model.live_layers
    if layers is None:
        return  # an encoder of another kind says for itself where it can be split
    if live > layers:
        raise ConfigError(f"model.live_layers = {live} is more than encoder.layers = {layers}")
    if config.memory.name == "stored" and live == layers:
        raise ConfigError(
            f"memory=stored needs memory layers, and model.live_layers = {live} leaves none of "
            f"encoder.layers = {layers}; use fewer live layers, or memory=online"
        )


def _check_passages(config: RunConfig) -> None:
    retrieved = config.data.retrieved
    candidates, key = retrieved, "data.retrieved"
    if config.collator.passages is not None:
        candidates, key = config.collator.passages, "collator.passages"
        if candidates > retrieved:
            raise ConfigError(f"collator.passages = {candidates} is more than data.retrieved = {retrieved}")
    for name in ("kept", "floor"):
        least = getattr(config.selector, name, None)
        if isinstance(least, int) and least > candidates:
            raise ConfigError(f"selector.{name} = {least} is more than {key} = {candidates}")


def _check_scores(config: RunConfig) -> None:
    if RERANKERS[config.reranker.name].component.learned:
        return
    for key, criterion in config.criterions.items():
        if CRITERIONS[criterion.name].component.needs_scores:
            heads = ", ".join(entry.name for entry in RERANKERS if entry.component.learned)
            raise ConfigError(f"criterions.{key} trains a reranker, and reranker={config.reranker.name}; use {heads}")
    if config.model.rerank_layers and config.selector.name != "all":
        raise ConfigError(
            f"model.rerank_layers = {config.model.rerank_layers} runs live layers for a score, and "
            f"reranker={config.reranker.name} has none; use 0, or a reranker"
        )


def _check_training(config: RunConfig) -> None:
    for key, parts in (("tasks", config.tasks), ("criterions", config.criterions)):
        if not parts:
            raise ConfigError(f"{key} is empty; expected at least one, such as {key.removesuffix('s')}=[…]")
    rates = mixing_rates(config.sampler, dict.fromkeys(config.tasks, 1))
    for number, stage in enumerate(config.trainer.stages):
        _check_tasks(f"trainer.stages[{number}].tasks", stage.tasks, rates)
        if stage.tasks and not any(rates[task] for task in stage.tasks):
            raise ConfigError(f"trainer.stages[{number}].tasks has only tasks that the sampler never draws")
    PassageSchedule(config.trainer.stages, config.trainer.replay_every)
    for key, callback in config.callbacks.items():
        if isinstance(callback, EvaluationConfig):
            _check_tasks(f"callbacks.{key}.tasks", callback.tasks, rates)
    names = {callback.name for callback in config.callbacks.values()}
    if "early_stopping" in names and "evaluation" not in names:
        raise ConfigError("callbacks.early_stopping needs an evaluation to go by; add the callback 'evaluation'")


def _check_tasks(key: str, named: Sequence[str], known: Collection[str]) -> None:
    for task in named:
        if task not in known:
            raise ConfigError(f"{key} names an unknown task {task!r}; {suggest(task, known)}")
