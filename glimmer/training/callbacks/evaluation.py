"""Evaluation during training."""

from dataclasses import dataclass
from statistics import fmean

from glimmer.errors import ConfigError, DataError, suggest
from glimmer.evaluation.evaluate import TaskResult, check_split
from glimmer.options import option
from glimmer.training.callbacks.base import Callback, CallbackConfig, register_callback
from glimmer.training.trainer import Trainer

AVERAGE = "average"


@dataclass(kw_only=True)
class EvaluationConfig(CallbackConfig):
    """Options of evaluation during training."""

    every: int | None = option(
        1000, "Steps between two evaluations; there is one at the end in any case; null = only that", least=1
    )
    split: str = option("dev", "The split that is evaluated")
    limit: int | None = option(100, "Records a task at most; null = all", least=1)
    tasks: list[str] = option([], "Only these tasks; all supervised ones when empty")
    metric: str = option(
        AVERAGE, "What best checkpoint and early stopping go by: average (of headline metrics), or TASK/METRIC"
    )


@register_callback("evaluation", EvaluationConfig)
class Evaluation(Callback):
    """Evaluates every task at intervals and at the end, and says which checkpoint is best."""

    config: EvaluationConfig

    def check(self, trainer: Trainer) -> None:
        """Check that what is to be evaluated exists; ``glimmer.config.check`` has checked the names.

        Raises:
            DataError: a task has nothing to evaluate in the split.
        """
        for name in self._tasks(trainer):
            try:
                check_split(trainer.tasks[name], self.config.split)
            except DataError as error:
                raise DataError(f"callbacks.evaluation.split={self.config.split}: {error}") from None

    def on_step(self, trainer: Trainer) -> None:
        """Evaluate when it is due."""
        due = self.config.every is not None and trainer.step % self.config.every == 0
        if not (due or trainer.finished):
            return
        with trainer.published_weights():
            results = self._evaluate(trainer)
            score = self._score(results)
            for name, result in results.items():
                trainer.log("evaluation", name, result.metrics)
            average = fmean(result.score for result in results.values())
            trainer.log("evaluation", None, {AVERAGE: average, "score": score})
            trainer.evaluated({name: result.metrics for name, result in results.items()}, score)

    def _tasks(self, trainer: Trainer) -> list[str]:
        return self.config.tasks or [name for name, task in trainer.tasks.items() if task.supervised]

    def _evaluate(self, trainer: Trainer) -> dict[str, TaskResult]:
        """Every task's result on every rank; the ranks share the tasks."""
        trainer.reader.eval()
        assert trainer.evaluate is not None
        names, group = self._tasks(trainer), trainer.group
        own = {
            name: trainer.evaluate(trainer.tasks[name], self.config.split, self.config.limit)
            for name in names[group.rank :: group.world]
        }
        found = {name: result for results in group.gather(own) for name, result in results.items()}
        return {name: found[name] for name in names}

    def _score(self, results: dict[str, TaskResult]) -> float:
        if self.config.metric == AVERAGE:
            return fmean(result.score for result in results.values())
        task, _, metric = self.config.metric.partition("/")
        metrics = results[task].metrics
        if metric not in metrics:
            raise ConfigError(f"callbacks.evaluation.metric: {task!r} has no {metric!r}; {suggest(metric, metrics)}")
        return metrics[metric]
