"""What a training step takes by how the passages' memory is made: all ways in turn, in one process, on the same draws.

``glimmer memory steps`` prints what this measures; no figure of it is asserted anywhere.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch

from glimmer.analysis.speed import time_updates, timed_trainer
from glimmer.analysis.tables import table
from glimmer.config.schema import RunConfig
from glimmer.data.values import Batch, Example, Tokens
from glimmer.inference.encode import encode_passages
from glimmer.inference.run import untrained_run
from glimmer.memory import MEMORIES
from glimmer.registry import ComponentConfig
from glimmer.training.build import torch_as_it_was
from glimmer.training.distributed import Group
from glimmer.training.stream import Collate
from glimmer.training.trainer import Trainer

EVERY_PAIR = "every pair encoded, trained"
DISTINCT = "every distinct passage encoded once, trained"
FROZEN = "every distinct passage encoded once, frozen"
STORED = "read from a store"
AHEAD = "read from a store, a batch ahead"


@dataclass(frozen=True)
class StepTimes:
    """What updates took, and what they were made of."""

    seconds: Mapping[str, float]
    """Of an update by each way: the median over repeats of the mean over updates."""
    questions: float
    """Of an update."""
    pairs: float
    """Candidates of an update, counted for every question that has them."""
    passages: float
    """Distinct passages of an update, counted once for every micro-batch that has them."""


def measure_steps(config: RunConfig, folder: Path, codec: ComponentConfig, *, updates: int, repeats: int) -> StepTimes:
    """Train on each kind of memory for ``updates`` in turn, ``repeats`` times after one that does not count.

    An update is all that training does for it: drawing and collating, both passes, and the optimizer's step. The store
    of the passages that are drawn is written into ``folder`` by ``codec`` before. One process trains, in the last stage
    of ``config``; its memory gives way to those that are measured.

    Raises:
        GlimmerError: the run cannot be trained, or its reader makes no memory.
        InterruptionError: a signal asked to stop.
    """
    online = MEMORIES.configure("online")
    run = untrained_run(replace(config, memory=online))
    count = updates * (repeats + 1)

    def trainer(memory: ComponentConfig) -> Trainer:
        return timed_trainer(replace(config, memory=memory), Group())

    with torch_as_it_was():
        trainers = {way: trainer(online) for way in (EVERY_PAIR, DISTINCT)}
        batches = trainers[DISTINCT].stream.coming(0, sys.maxsize, stop=count)
        ids = dict.fromkeys(name for batch in batches for name in batch.passage_ids)
        encode_passages(run, [run.corpus.passage(name) for name in ids], folder, codec)
        trainers[FROZEN] = trainer(MEMORIES.configure("online", frozen=True))
        for way, prefetch in ((STORED, 0), (AHEAD, 1)):
            trainers[way] = trainer(MEMORIES.configure("stored", path=str(folder), prefetch=prefetch))
        trainers[EVERY_PAIR].stream.collate = _pairwise(trainers[EVERY_PAIR].stream.collate)
        seconds = {way: median(taken) for way, taken in time_updates(trainers, updates, repeats).items()}
    return StepTimes(
        seconds,
        questions=sum(map(len, batches)) / count,
        pairs=sum(int(batch.present.sum()) for batch in batches) / count,
        passages=sum(len(batch.passage_ids) for batch in batches) / count,
    )


def every_pair(batch: Batch) -> Batch:
    """The same questions with a row of passages for every candidate of each, as if none had any in common."""
    rows = batch.index[batch.present]
    index = batch.index.clone()
    index[batch.present] = torch.arange(len(rows))
    return replace(
        batch,
        passages=Tokens(batch.passages.ids[rows], batch.passages.mask[rows]),
        passage_ids=tuple(batch.passage_ids[row] for row in rows.tolist()),
        index=index,
    )


def steps_table(found: StepTimes) -> str:
    """A row a way, beside the first."""
    first = next(iter(found.seconds.values()))
    rows = [[way, f"{1000 * taken:.1f}", f"{taken / first:.2f}"] for way, taken in found.seconds.items()]
    made_of = f"{found.questions:.0f} questions, {found.pairs:.0f} pairs, {found.passages:.1f} distinct passages"
    return f"{table(['memory', 'ms an update', 'ratio'], rows)}\n\nan update: {made_of}"


def _pairwise(collate: Collate) -> Collate:
    def collated(
        examples: Sequence[Example], passages: int | None, training: bool, seeds: Sequence[int], window: int | None
    ) -> Batch:
        return every_pair(collate(examples, passages=passages, training=training, seeds=seeds, window=window))

    return collated
