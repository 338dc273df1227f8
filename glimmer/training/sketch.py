"""What can be said of a run before its data and weights are there: whether its parts fit, and what it still lacks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from glimmer.criterions import CRITERIONS
from glimmer.data.collection import Corpus
from glimmer.data.files import PACKAGE
from glimmer.data.hub import HUB
from glimmer.data.kilt_sets import KILT_SETS, kilt_name
from glimmer.data.tokenizers import vocabulary_of
from glimmer.models.base import Model
from glimmer.models.build import sketch_reader
from glimmer.retrieval import RetrieverConfig
from glimmer.retrieval.precomputed import PrecomputedConfig
from glimmer.tasks import TASKS
from glimmer.tasks.supervised import SupervisedTask
from glimmer.training.callbacks import CALLBACKS
from glimmer.training.optimizers import OPTIMIZERS, parameter_groups, require_match
from glimmer.training.run import used_splits
from glimmer.training.schedulers import LR_SCHEDULERS

if TYPE_CHECKING:
    from glimmer.config.schema import RunConfig


@dataclass(frozen=True)
class Sketch:
    """A run without data and weights."""

    reader: Model
    """On the meta device: shapes alone."""
    missing: tuple[Path, ...]
    """Files and folders that training would read and that are not there; what is fetched from a hub is not among
    them, nor are the candidates of retrievers that run by themselves."""


def sketch(config: "RunConfig") -> Sketch:
    """Build every part of a run that takes neither data nor weights; reads and writes no file of the run.

    Raises:
        GlimmerError: parts do not fit together, or the size of the vocabulary is only told by a file that is missing.
    """
    config.trainer.check_ranks(config.trainer.processes or 1)
    for options in config.criterions.values():
        CRITERIONS.build(options)
    for callback in config.callbacks.values():
        CALLBACKS.build(callback)
    LR_SCHEDULERS.build(config.lr_scheduler)
    reader = sketch_reader(config, vocabulary_of(config.tokenizer))
    OPTIMIZERS.build(config.optimizer, parameter_groups(config.optimizer, reader.named_parameters()))
    if config.trainer.fresh is not None:
        require_match("trainer.fresh", config.trainer.fresh, [n for n, _ in reader.named_parameters()], "of the reader")
    needed = dict.fromkeys([*_start(config), *_data(config)])
    return Sketch(reader, tuple(path for path in needed if not path.exists()))


def _start(config: "RunConfig") -> Iterator[Path]:
    """The tokenizer, weights and memory that a run begins with, those on this machine."""
    for source in (config.tokenizer.file, config.trainer.initialise, getattr(config.memory, "path", None)):
        if source is not None and not source.startswith((HUB, PACKAGE)):
            yield Path(source)


def _data(config: "RunConfig") -> Iterator[Path]:
    """Passages, the tasks' records and the candidates that were found beforehand."""
    corpus = Corpus(config.data)
    yield corpus.directory / "passages.jsonl"
    tasks = [TASKS.build(options, key, corpus) for key, options in config.tasks.items()]
    stems = {kilt.stem for kilt in KILT_SETS.values()}
    for task in tasks:
        if not isinstance(task, SupervisedTask):
            continue
        for split in used_splits(task, config):
            file = corpus.file(task.stem, split)
            kilt = task.stem in stems and not file.exists()  # of two names that would do, the one it is fetched under
            yield file.with_name(kilt_name(task.stem, split)) if kilt else file
            yield from _candidates(config.data.retriever_of(task.stem), f"{task.stem}-{split}")


def _candidates(retriever: RetrieverConfig, name: str) -> Iterator[Path]:
    if isinstance(retriever, PrecomputedConfig):
        yield retriever.file(name)
    for part in getattr(retriever, "of", {}).values():
        yield from _candidates(part, name)
