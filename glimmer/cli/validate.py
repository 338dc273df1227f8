"""``glimmer validate``: check a whole run, data files included, without training it."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from glimmer.config.compose import compose_run
from glimmer.config.schema import RunConfig
from glimmer.data.collection import Corpus
from glimmer.data.files import resolve_file
from glimmer.data.tokenizers import Tokenizer, load_tokenizer, train_tokenizer
from glimmer.errors import CheckpointError, DataError
from glimmer.evaluation.metrics import METRICS
from glimmer.models.build import build_reader
from glimmer.models.reader import count_parameters
from glimmer.retrieval.precomputed import PrecomputedConfig
from glimmer.tasks import TASKS, Task
from glimmer.tasks.supervised import SupervisedTask
from glimmer.training.build import choose_processes
from glimmer.training.callbacks.evaluation import EvaluationConfig
from glimmer.training.run import TOKENIZER

DESCRIPTION = """\
Compose a run's configuration, check it, read every data file that the run would read, build its tasks and its
reader, and print what it is. Nothing is trained, and nothing is written into the run's folder. Arguments are those of
`glimmer train`, such as: glimmer validate experiment=glimmer selector.kept=3
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
    print(validate(compose_run(parser.parse_args(argv).overrides)))
    return 0


def validate(config: RunConfig) -> str:
    """Check everything that ``config`` describes and return a summary of it.

    Raises:
        GlimmerError: the first thing that is wrong.
    """
    choose_processes(config.trainer)
    if config.trainer.initialise is not None and not resolve_file(config.trainer.initialise).is_file():
        raise CheckpointError(f"trainer.initialise={config.trainer.initialise}: no such file; expected a checkpoint")
    corpus = Corpus(config.data)
    tasks = {key: TASKS.build(options, key, corpus) for key, options in config.tasks.items()}
    sizes = {key: _sizes(task, corpus, config) for key, task in tasks.items()}
    parameters = count_parameters(build_reader(config, _tokenizer(config, corpus)))
    return "\n".join([*_reader_lines(config, parameters), *_task_lines(sizes), *_training_lines(config)])


def _sizes(task: Task, corpus: Corpus, config: RunConfig) -> dict[str, int]:
    """The number of examples in every split that the run uses; all their records are read."""
    evaluated = [c for c in config.callbacks.values() if isinstance(c, EvaluationConfig)]
    used = [c.split for c in evaluated if task.supervised and (not c.tasks or task.key in c.tasks)]
    splits = dict.fromkeys(["train", *used])
    for name in task.metrics:
        METRICS[name]
    sizes = {split: task.size(split) for split in splits}
    if not sizes["train"]:
        raise DataError(f"tasks.{task.key} has no training examples in {config.data.dir}")
    if isinstance(task, SupervisedTask):
        retriever = config.data.retrievers.get(task.stem, config.data.retrievers["default"])
        for split in splits if isinstance(retriever, PrecomputedConfig) else ():
            corpus.candidates(task.stem, split)
    return sizes


def _tokenizer(config: RunConfig, corpus: Corpus) -> Tokenizer:
    """The run's tokenizer: from its file, from an earlier start of the run, or trained here and thrown away."""
    trained = Path(config.run_dir) / TOKENIZER
    file = config.tokenizer.file or (str(trained) if trained.exists() else None)
    if file is not None:
        return load_tokenizer(replace(config.tokenizer, file=file))
    passages = corpus.passages("train" if corpus.collection.splits else None)
    return train_tokenizer(config.tokenizer, (f"{p.title} {p.text}" for p in passages))


def _reader_lines(config: RunConfig, parameters: int) -> list[str]:
    candidates = config.collator.passages or config.data.retrieved
    live, first = config.model.live_layers, config.model.rerank_layers
    layers = getattr(config.encoder, "layers", None)
    split = f"{live} live layers" if layers is None else f"{layers} layers = {layers - live} memory + {live} live"
    frozen = ", frozen" if getattr(config.memory, "frozen", False) else ""
    kept = getattr(config.selector, "kept", None)
    return [
        f"run        {config.run_dir}, seed {config.seed}",
        f"encoder    {config.encoder.name}: {split}, of which {first} before the score",
        f"memory     {config.memory.name}{frozen}",
        f"passages   {candidates} a question; reranker {config.reranker.name}, selector {config.selector.name}"
        + (f" keeps {kept}" if kept is not None else ""),
        f"parameters {parameters:,}",
    ]


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
