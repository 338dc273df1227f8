"""Checks that no part of a run can make alone: whether its parts fit together."""

from collections.abc import Collection, Mapping, Sequence

from glimmer.config.schema import RunConfig
from glimmer.criterions.base import CRITERIONS
from glimmer.errors import ConfigError, suggest
from glimmer.evaluation.evaluate import figure_names
from glimmer.evaluation.metrics import METRICS
from glimmer.models.initialisers import INITIALISERS
from glimmer.models.reader import ReaderConfig
from glimmer.models.rerankers import RERANKERS
from glimmer.tasks.base import TASKS, TaskConfig
from glimmer.training.callbacks.evaluation import AVERAGE, EvaluationConfig
from glimmer.training.passages import PassageSchedule
from glimmer.training.sampler import mixing_rates


def check(config: RunConfig) -> None:
    """Refuse a combination that cannot work.

    Raises:
        ConfigError: names the keys that contradict each other.
        RegistryError: a component's name is unknown.
    """
    check_layers(config)
    _check_initialiser(config)
    _check_passages(config)
    _check_scores(config)
    _check_training(config)
    _check_evaluation(config)
    _check_memory(config)


def check_layers(config: RunConfig) -> None:
    """Refuse a split of the encoder that leaves a part without layers which it needs.

    Raises:
        ConfigError: names the keys that contradict each other.
    """
    layers, model = getattr(config.encoder, "layers", None), config.model
    if layers is None or not isinstance(model, ReaderConfig):
        return  # an encoder or a model of another kind says for itself where it can be split
    live = model.live_layers
    if live > layers:
        raise ConfigError(f"model.live_layers = {live} is more than encoder.layers = {layers}")
    _check_positions(config, paired=live == layers)
    if config.memory.name == "stored" and live == layers:
        raise ConfigError(
            f"memory=stored needs memory layers, and model.live_layers = {live} leaves none of "
            f"encoder.layers = {layers}; use fewer live layers, or memory=online"
        )


def _check_positions(config: RunConfig, paired: bool) -> None:
    """Refuse texts longer than an encoder's absolute positions; ``paired`` ones run over question and passage."""
    most = getattr(config.encoder, "positions", None)
    lengths = {f"collator.{key}": getattr(config.collator, key) for key in ("question_tokens", "passage_tokens")}
    if paired:
        lengths = {" + ".join(lengths): sum(lengths.values())}
    for key, length in lengths.items():
        if most is not None and length > most:
            raise ConfigError(f"{key} = {length} is more than encoder.positions = {most}")


def _check_initialiser(config: RunConfig) -> None:
    name = getattr(config.model, "initialiser", None)
    if name is not None and name not in INITIALISERS:
        raise ConfigError(f"model.initialiser is {name!r}; {suggest(name, [entry.name for entry in INITIALISERS])}")


def _check_passages(config: RunConfig) -> None:
    retrieved = config.data.retrieved
    candidates, key = retrieved, "data.retrieved"
    if config.collator.passages is not None:
        candidates, key = config.collator.passages, "collator.passages"
        if candidates > retrieved:
            raise ConfigError(f"collator.passages = {candidates} is more than data.retrieved = {retrieved}")
    for number, stage in [*enumerate(config.trainer.stages)][-1:]:  # earlier stages may have fewer than are kept
        if stage.passages is not None and stage.passages < candidates:
            candidates, key = stage.passages, f"trainer.stages[{number}].passages"
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
    rerank = config.model.rerank_layers if isinstance(config.model, ReaderConfig) else 0
    if rerank and config.selector.name != "all":
        raise ConfigError(
            f"model.rerank_layers = {rerank} runs live layers for a score, and "
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
    names = {callback.name for callback in config.callbacks.values()}
    if "early_stopping" in names and "evaluation" not in names:
        raise ConfigError("callbacks.early_stopping needs an evaluation to go by; add the callback 'evaluation'")


def _check_evaluation(config: RunConfig) -> None:
    for key, task in config.tasks.items():
        for name in _metrics(task):
            if name not in METRICS:
                known = [entry.name for entry in METRICS]
                raise ConfigError(f"tasks.{key}.metrics names an unknown metric {name!r}; {suggest(name, known)}")
    for key, callback in config.callbacks.items():
        if isinstance(callback, EvaluationConfig):
            _check_evaluated(f"callbacks.{key}", callback, config.tasks)


def _check_evaluated(key: str, callback: EvaluationConfig, tasks: Mapping[str, TaskConfig]) -> None:
    """Check the names of tasks and metric, which would be looked up at the first evaluation."""
    supervised = [name for name, task in tasks.items() if TASKS[task.name].component.supervised]
    if not supervised:
        raise ConfigError(f"{key}: no task of this run has evaluation data; remove the callback")
    _check_tasks(f"{key}.tasks", callback.tasks, tasks)
    for name in callback.tasks:
        if name not in supervised:
            raise ConfigError(f"{key}.tasks names {name!r}, which has no evaluation data; {suggest(name, supervised)}")
    if callback.metric == AVERAGE:
        return
    evaluated = callback.tasks or supervised
    task, _, figure = callback.metric.partition("/")
    if task not in evaluated or not figure:
        known = [AVERAGE, *(f"{name}/{metric}" for name in evaluated for metric in _metrics(tasks[name]))]
        raise ConfigError(
            f"{key}.metric is {callback.metric!r}; expected {AVERAGE} or TASK/METRIC: {suggest(callback.metric, known)}"
        )
    figures = figure_names(_metrics(tasks[task]))
    if figure not in figures:
        raise ConfigError(f"{key}.metric: the task {task!r} has no {figure!r}; {suggest(figure, figures)}")


def _metrics(task: TaskConfig) -> Sequence[str]:
    """The names of a task's metrics: those of its options, else its own."""
    return getattr(task, "metrics", None) or TASKS[task.name].component.metrics


def _check_memory(config: RunConfig) -> None:
    """Memory that does not train must not be random, and a store holds the collection's passages, whole."""
    stored = config.memory.name == "stored"
    if config.trainer.initialise is None and (stored or getattr(config.memory, "frozen", False)):
        raise ConfigError(
            f"memory={'stored' if stored else 'frozen'} does not train, and trainer.initialise = null leaves it "
            "random; name weights to start from, such as package:weights.safetensors, or use memory=online"
        )
    if not stored:
        return
    for number, stage in enumerate(config.trainer.stages):
        if stage.window is not None:
            raise ConfigError(
                f"trainer.stages[{number}].window = {stage.window} cuts passages, and memory=stored holds whole ones; "
                "use null, or memory=online"
            )
    rates = mixing_rates(config.sampler, dict.fromkeys(config.tasks, 1))
    for key, task in config.tasks.items():
        if rates[key] and TASKS[task.name].component.alters_passages:
            raise ConfigError(
                f"tasks.{key} makes passages of its own, and memory=stored holds the collection's; "
                "drop the task, or use memory=online"
            )


def _check_tasks(key: str, named: Sequence[str], known: Collection[str]) -> None:
    for task in named:
        if task not in known:
            raise ConfigError(f"{key} names an unknown task {task!r}; {suggest(task, known)}")
