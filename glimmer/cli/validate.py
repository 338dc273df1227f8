"""``glimmer validate``: check a whole run, data files included, without training it."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from glimmer.config.compose import compose_run
from glimmer.config.schema import RunConfig
from glimmer.models.base import Model
from glimmer.models.reader import ReaderConfig, count_parameters, parameters_by_part
from glimmer.training.run import rehearse, used_splits
from glimmer.training.sketch import sketch

DESCRIPTION = """\
Do all that `glimmer train` does before the first update: check the configuration, read the data, load the weights and
the checkpoint that the run would go on from. Then print what the run is. Nothing is trained, and nothing is written
into the run's folder. Arguments are those of `glimmer train`, such as: glimmer validate experiment=glimmer
selector.kept=3

With --no-data, check all that takes neither data nor weights, of a reader of any size, and list what is still missing.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    Raises:
        GlimmerError: the first thing that is wrong with the run.
    """
    parser = argparse.ArgumentParser(
        prog="glimmer validate", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="overrides of the configuration")
    parser.add_argument(
        "--no-data", action="store_true", help="read neither data nor weights, and list what is missing"
    )
    arguments = parser.parse_args(argv)
    config = compose_run(arguments.overrides)
    print(validate_without_data(config) if arguments.no_data else validate(config))
    return 0


def validate(config: RunConfig) -> str:
    """Check everything that ``config`` describes and return a summary of it.

    Raises:
        GlimmerError: the first thing that is wrong.
    """
    trainer = rehearse(config)
    sizes = {
        key: {split: task.size(split) for split in used_splits(task, config)} for key, task in trainer.tasks.items()
    }
    return "\n".join([*_reader_lines(config, trainer.reader), *_task_lines(sizes), *_training_lines(config)])


def validate_without_data(config: RunConfig) -> str:
    """Check all of ``config`` that takes neither data nor weights; a summary, and what training would not find.

    Raises:
        GlimmerError: the first thing that is wrong.
    """
    found = sketch(config)
    tasks = [f"task       {key}" for key in config.tasks]
    return "\n".join(
        [*_reader_lines(config, found.reader), *tasks, *_training_lines(config), *_missing_lines(found.missing)]
    )


def _missing_lines(paths: Iterable[Path]) -> list[str]:
    """What is missing, a line a folder."""
    folders: dict[Path, list[str]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path.name)
    return [f"missing    {folder}: {', '.join(names)}" for folder, names in folders.items()] or ["missing    nothing"]


def _reader_lines(config: RunConfig, reader: Model) -> list[str]:
    candidates = config.collator.passages or config.data.retrieved
    frozen = ", frozen" if getattr(config.memory, "frozen", False) else ""
    kept = getattr(config.selector, "kept", None)
    return [
        f"run        {config.run_dir}, seed {config.seed}",
        f"encoder    {config.encoder.name}{_split(config)}",
        f"memory     {config.memory.name}{frozen}",
        f"passages   {candidates} a question; reranker {config.reranker.name}, selector {config.selector.name}"
        + (f" keeps {kept}" if kept is not None else ""),
        f"parameters {count_parameters(reader):,}{_parts(parameters_by_part(reader))}",
    ]


def _parts(counts: Mapping[str, int]) -> str:
    return ": " + ", ".join(f"{count:,} {part}" for part, count in counts.items()) if counts else ""


def _split(config: RunConfig) -> str:
    """How the reader divides its encoder's layers; nothing of another model, or of an encoder without layers."""
    layers, model = getattr(config.encoder, "layers", None), config.model
    if layers is None or not isinstance(model, ReaderConfig):
        return ""
    live, first = model.live_layers, model.rerank_layers
    return f": {layers} layers = {layers - live} memory + {live} live, of which {first} before the score"


def _task_lines(sizes: dict[str, dict[str, int]]) -> list[str]:
    width = max(map(len, sizes))
    return [
        f"task       {key:<{width}}  " + ", ".join(f"{count:,} {split}" for split, count in found.items())
        for key, found in sizes.items()
    ]


def _training_lines(config: RunConfig) -> list[str]:
    trainer = config.trainer
    ends = [f"{trainer.steps:,} steps"] if trainer.steps is not None else []
    ends += [f"{trainer.minutes:g} minutes"] if trainer.minutes is not None else []
    losses = ", ".join(f"{c.weight:g} × {key}" for key, c in config.criterions.items())
    how = f"{trainer.questions} questions, {config.optimizer.name}, {trainer.precision}"
    return [f"loss       {losses}", f"training   {' or '.join(ends)} of {how}"]
