"""Compare systems from nothing to a report, in a folder that may be left and taken up again at any point."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from glimmer.analysis.plots import draw_comparison, draw_curves
from glimmer.analysis.report import Origin, write_report
from glimmer.analysis.results import Comparison
from glimmer.analysis.runs import evaluate_run, run_result, time_runs, training_curves
from glimmer.analysis.speed import Speed, measure_speed
from glimmer.config.compose import compose_run
from glimmer.config.schema import RunConfig
from glimmer.data import factbook
from glimmer.data.collection import DataConfig
from glimmer.data.files import read_json, write_json
from glimmer.errors import ConfigError, DataError
from glimmer.evaluation.evaluate import check_split
from glimmer.inference.run import LoadedRun, load_run
from glimmer.training.callbacks.checkpoint import FOLDER, LAST
from glimmer.training.run import TOKENIZER, differences, rehearse, train

REPEATS = 5
MARGIN = 0.85
"""Share of the time for training that is planned with; the rest goes to evaluation in training and checkpoints."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is compared, and for how long; ``steps`` is decided from ``minutes`` where it is None."""

    systems: tuple[str, ...]
    """Names of experiments."""
    seeds: tuple[int, ...]
    split: str
    minutes: float
    steps: int | None = None
    limit: int | None = None
    """Records a task at most in the closing evaluation."""
    timed: int = 8
    """Questions a task that are timed."""
    from_scratch: bool = False
    """Pre-train the weights that all systems start from (experiment ``pretrain``)."""
    overrides: tuple[str, ...] = ()
    """Overrides of every system's configuration."""


def run_comparison(plan: Plan, output: Path, command: str) -> str:
    """Build the corpus, train and evaluate every system under every seed, write the report; returns its table.

    Every system makes the same number of updates; under one seed, systems with the same tasks, sampler and questions an
    update see the same examples in the same order. Without ``plan.steps`` the number of updates is what fits into
    ``plan.minutes`` by a short measurement of all systems in turn; it is kept in ``plan.json``, so that a comparison
    taken up again is the same comparison. Before that, and before anything is trained, all of it is checked.

    Raises:
        ConfigError: ``output`` holds a comparison under another plan.
        InterruptionError: a signal asked to stop; the same call goes on.
        GlimmerError: whatever else is wrong with configuration or data.
    """
    began = time.monotonic()
    path = output / "plan.json"
    wanted = {"plan": asdict(plan) | {"systems": list(plan.systems), "seeds": list(plan.seeds)}}
    wanted["plan"]["overrides"] = list(plan.overrides)
    decided = read_json(path, "the plan of a comparison") if path.exists() else {}
    for key, before, now in differences(decided.get("plan", wanted["plan"]), wanted["plan"]):
        raise ConfigError(
            f"{output} holds a comparison with {key}={before!r}, this one has {key}={now!r}; "
            "use the same options to go on, or another --output"
        )
    configs = {system: compose_run([f"experiment={system}", *plan.overrides]) for system in plan.systems}
    _build_corpus(configs)
    if "steps" not in decided:
        _check(plan, _probes(configs, output))
    before = time.monotonic()
    configs = _started(plan, output, configs)
    began += time.monotonic() - before  # pre-training comes on top of plan.minutes
    if "steps" not in decided:
        decided = wanted | _decide(plan, configs, output, began)
        write_json(path, decided)
    print(f"{decided['steps']:,} updates a system")
    folders = []
    for seed in plan.seeds:
        for system, config in configs.items():
            trainer = replace(config.trainer, steps=decided["steps"], minutes=None)
            folder = output / f"{system}-seed{seed}"
            folders.append(train(replace(config, run_dir=str(folder), seed=seed, trainer=trainer)))
    runs = [load_run(folder) for folder in folders]
    remarks = [_training(configs, decided["steps"], runs), _origin(configs), *decided["remarks"]]
    return compare(runs, output, plan.split, plan.limit, plan.timed, command, remarks)


def compare(
    runs: Sequence[LoadedRun],
    output: Path,
    split: str,
    limit: int | None,
    timed: int,
    command: str,
    remarks: Sequence[str] = (),
) -> str:
    """Evaluate runs (once), time them alternately, write report and plots into ``output``; returns the main table."""
    scores = [evaluate_run(run, split, limit) for run in runs]
    timings = time_runs(runs, split, timed, REPEATS)
    found = zip(runs, scores, timings, strict=True)
    comparison = Comparison.of([run_result(run, split, score, timing, timed) for run, score, timing in found])
    plots = draw_comparison(comparison, output) | draw_curves(training_curves(runs), output)
    measured = [
        f"Times: {timed} questions a task, one at a time, all runs alternately in one process, their memory at "
        f"hand; median of {REPEATS} repeats.",
    ]
    if limit is not None:
        measured.append(f"Scores are over {limit} records a task at most, evenly spread over the split.")
    return write_report(comparison, Origin([command], [*remarks, *measured], plots), output)


def _build_corpus(configs: Mapping[str, RunConfig]) -> None:
    """Build the built-in corpus where a system reads it and it is not there; other corpora must be there already."""
    default = DataConfig().dir
    if default in {config.data.dir for config in configs.values()}:
        factbook.ensure(Path(default))


def _probes(configs: Mapping[str, RunConfig], output: Path) -> dict[str, RunConfig]:
    """The systems' configurations in folders where no run is."""
    return {system: replace(config, run_dir=str(output / "speed" / system)) for system, config in configs.items()}


def _check(plan: Plan, configs: Mapping[str, RunConfig]) -> None:
    """Refuse what would end the comparison after hours: a system that cannot start or be read back, or the split."""
    for system, config in configs.items():
        if "checkpoint" not in {callback.name for callback in config.callbacks.values()}:
            raise ConfigError(f"{system} has no callback 'checkpoint', whose weights a comparison evaluates; add it")
        if "early_stopping" in {callback.name for callback in config.callbacks.values()}:
            raise ConfigError(
                f"{system} has a callback 'early_stopping', and all systems of a comparison make the same updates; "
                "leave it out"
            )
        # With weights of the comparison's own, there are none to start from yet.
        initialise = None if plan.from_scratch else config.trainer.initialise
        trainer = rehearse(replace(config, trainer=replace(config.trainer, initialise=initialise)))
        for task in trainer.tasks.values():
            if task.supervised:
                try:
                    check_split(task, plan.split)
                except DataError as error:
                    raise DataError(f"--split {plan.split}: {error}") from None


def _started(plan: Plan, output: Path, configs: Mapping[str, RunConfig]) -> dict[str, RunConfig]:
    """The systems' configurations, which start from weights of the comparison's own where the plan asks for them."""
    if not plan.from_scratch:
        return dict(configs)
    shallow, deep = output / "pretrain", output / "pretrain_deep"
    origin = [f"trainer.initialise={shallow / FOLDER / LAST}", f"tokenizer.file={shallow / TOKENIZER}"]
    # Both are composed before one is trained, which takes an hour.
    first = compose_run(["experiment=pretrain", *plan.overrides, f"run_dir={shallow}"])
    second = compose_run(["experiment=pretrain_deep", *plan.overrides, f"run_dir={deep}", *origin])
    for config in (first, second):
        train(config)
    weights, tokenizer = str(deep / FOLDER / LAST), str(deep / TOKENIZER)
    return {
        system: replace(
            config,
            trainer=replace(config.trainer, initialise=weights),
            tokenizer=replace(config.tokenizer, file=tokenizer),
        )
        for system, config in configs.items()
    }


def _origin(configs: Mapping[str, RunConfig]) -> str:
    """What the report says of the weights that the systems started from."""
    origins = {system: config.trainer.initialise or "nothing" for system, config in configs.items()}
    if len(set(origins.values())) == 1:
        return f"All systems started from {next(iter(origins.values()))}."
    return f"The systems started from {', '.join(f'{origin} ({system})' for system, origin in origins.items())}."


def _decide(plan: Plan, configs: Mapping[str, RunConfig], output: Path, began: float) -> dict[str, Any]:
    """The number of updates, and how it came about."""
    if plan.steps is not None:
        return {"steps": plan.steps, "remarks": []}
    print("measuring the systems' speed")
    speeds = measure_speed(_probes(configs, output), plan.split, plan.limit, REPEATS * plan.timed)
    steps = planned_steps(speeds, 60 * plan.minutes - (time.monotonic() - began), len(plan.seeds))
    if steps < 1:
        raise ConfigError(f"--minutes {plan.minutes:g} are too few to train and evaluate; give more, or fewer systems")
    rates = ", ".join(f"{system} {1 / speed.update:.2f}" for system, speed in speeds.items())
    remark = f"{steps:,} updates were planned for {plan.minutes:g} minutes; measured updates a second: {rates}."
    return {"steps": steps, "remarks": [remark]}


def _training(configs: Mapping[str, RunConfig], steps: int, runs: Sequence[LoadedRun]) -> str:
    """What the report says of the examples that the systems saw, and of the weights that it is about."""
    weights = " or ".join(sorted({run.checkpoint.name for run in runs}))
    draws = {_draws(config) for config in configs.values()}
    seen = "on the same examples in the same order" if len(draws) == 1 else "(on examples of its own)"
    return f"Every system made {steps:,} updates {seen}; the weights are those of {weights}."


def _draws(config: RunConfig) -> str:
    """All that the examples of a run's updates depend on, beside the seed."""
    trainer = config.trainer
    stages = [(stage.questions or trainer.questions, stage.tasks, stage.steps) for stage in trainer.stages]
    if len(set(map(str, (stage[:2] for stage in stages)))) == 1:
        stages = [(*stages[0][:2], None)]  # whenever a stage ends, the next one draws the same
    elif any(stage.until_exact is not None for stage in trainer.stages):
        return config.run_dir  # when a stage ends depends on the run
    return str((stages, trainer.replay_every if len(stages) > 1 else None, config.tasks, config.sampler))


def planned_steps(speeds: Mapping[str, Speed], seconds: float, seeds: int) -> int:
    """The largest common number of updates that leaves time to evaluate every run; 0 or less where none does."""
    evaluation = seeds * sum(speed.evaluation for speed in speeds.values())
    update = seeds * sum(speed.update for speed in speeds.values())
    return int(MARGIN * (seconds - evaluation) / update)
