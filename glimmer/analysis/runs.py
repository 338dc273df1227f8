"""From trained runs to results: evaluate a run once, time it beside others.

The system of a run is its folder's name without a trailing ``-seedN``: ``runs/glimmer-seed2`` is a glimmer.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from glimmer.analysis.benchmark import Subject, Timing, benchmark
from glimmer.analysis.compute import exact_count, source_units
from glimmer.analysis.results import Curve, RunResult, TaskScore
from glimmer.analysis.shape import Lengths, shape_of
from glimmer.data.candidates import distinct
from glimmer.data.files import content_hash, read_json, read_json_lines, write_json
from glimmer.data.values import Batch, Candidate, Example, Passage
from glimmer.errors import ConfigError
from glimmer.evaluation.evaluate import evaluation_examples
from glimmer.evaluation.predictions import write_predictions
from glimmer.inference.encode import encode_passages
from glimmer.inference.run import LoadedRun
from glimmer.memory import CODECS
from glimmer.memory.stored import StoredMemory
from glimmer.models.reader import Reader, count_parameters
from glimmer.models.selectors import SELECTORS
from glimmer.precision import uses_bf16
from glimmer.tasks.supervised import SupervisedTask

Summary = Mapping[str, Any]
"""What the file of an evaluated task holds: ``made_by``, and the figures of ``TaskResult.summary``."""


def system_of(run: LoadedRun) -> str:
    """The system of a run: its folder's name without a trailing ``-seedN``."""
    return re.sub(r"-seed\d+$", "", run.folder.resolve().name)


def evaluate_run(
    run: LoadedRun,
    split: str,
    limit: int | None = None,
    *,
    tasks: Sequence[str] | None = None,
    batch_size: int = 32,
    anew: bool = False,
) -> dict[str, Summary]:
    """Evaluate tasks of a run (None: all with evaluation data), or read what an earlier evaluation left.

    Writes ``evaluation/TASK-SPLIT.json`` and ``predictions/TASK-SPLIT.jsonl`` in the run's folder, with ``-limitN``
    and the run's ``variant`` behind the split. What an earlier evaluation left is taken if the same weights,
    configuration, records and candidates made it; ``anew`` takes nothing.

    Raises:
        GlimmerError: the run has no such task, or its data are at fault.
    """
    names = list(dict.fromkeys(tasks or run.supervised))
    variant = "-".join(part for part in (split, f"limit{limit}" if limit else "", run.variant) if part)
    files = {key: run.folder / "evaluation" / f"{key}-{variant}.json" for key in names}
    made_by = made_by_of(run, names, split, limit)
    found: dict[str, Summary] = {}
    if not anew:
        saved = {key: read_json(path, "the result of an evaluation") for key, path in files.items() if path.exists()}
        found = {key: summary for key, summary in saved.items() if summary.get("made_by") == made_by[key]}
    missing = [key for key in names if key not in found]
    if missing:
        # Only a reader has memory that can be computed beforehand; a model of another kind answers as it is.
        serving = served(run, missing, split, limit) if isinstance(run.reader, Reader) else nullcontext(run)
        with serving as reading:
            for key in missing:
                result = reading.evaluate(key, split, limit=limit, batch_size=batch_size, progress=True)
                write_predictions(run.folder / "predictions" / f"{key}-{variant}.jsonl", result.predictions)
                found[key] = {"made_by": made_by[key], **result.summary()}
                write_json(files[key], found[key])
    return {key: found[key] for key in names}


def made_by_of(run: LoadedRun, tasks: Sequence[str], split: str, limit: int | None) -> dict[str, dict[str, Any]]:
    """All that decides the figures of each task, as plain types."""
    memory = getattr(run.reader, "memory", None)
    shared = {
        "split": split,
        "limit": limit,
        "checkpoint": run.checkpoint.name,
        "step": run.step,
        "retrieved": run.retrieved,
        "kept": SELECTORS.build(run.config.selector).most(run.retrieved),
        "weights": content_hash(run.checkpoint.read_bytes()),
        "configuration": content_hash(repr(replace(run.config, run_dir=""))),  # generation options among all others
        "store": content_hash(json.dumps(memory.store.manifest)) if isinstance(memory, StoredMemory) else None,
    }
    examples = {key: evaluation_examples(run.task(key), split, limit) for key in tasks}
    return {
        key: {"task": key, **shared, "retriever": _retriever(run, key), **_data(run, examples[key])} for key in tasks
    }


def _retriever(run: LoadedRun, key: str) -> dict[str, Any]:
    """The retriever that the task's candidates come from, with its options."""
    task = run.task(key)
    return asdict(run.config.data.retriever_of(task.stem if isinstance(task, SupervisedTask) else key))


def _data(run: LoadedRun, examples: Sequence[Example]) -> dict[str, str]:
    """Hashes of the questions with their answers, and of the candidates that the reader is given."""
    given = ((e.id, float(c.score), c.passage) for e in examples for c in _given(run, e))
    return {
        "records": content_hash(*(repr((e.id, e.prompt, e.answers, e.record)) for e in examples)),
        "candidates": content_hash(*(f"{name}\n{score!r}\n{p.id}\n{p.title}\n{p.text}" for name, score, p in given)),
    }


def candidates_of(run: LoadedRun, tasks: Sequence[str], split: str, limit: int | None) -> list[Passage]:
    """The distinct passages that the reader is given for all questions of an evaluation."""
    examples = [e for key in tasks for e in evaluation_examples(run.task(key), split, limit)]
    return list({c.passage.id: c.passage for example in examples for c in _given(run, example)}.values())


def _given(run: LoadedRun, example: Example) -> tuple[Candidate, ...]:
    return tuple(distinct(example.candidates)[: run.retrieved])


@contextmanager
def served(run: LoadedRun, tasks: Sequence[str], split: str, limit: int | None) -> Iterator[LoadedRun]:
    """The run with the memory that an evaluation needs computed once, as when served; the same but for rounding."""
    if not _reader(run).encoder.memory_layers or isinstance(_reader(run).memory, StoredMemory):
        yield run
        return
    memory = _reader(run).memory
    learned = memory.codec_config(memory.config) is not None
    codec = None if learned else CODECS.configure("raw", dtype="float32")
    run.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=run.folder, prefix="memory-") as folder:
        store = Path(folder) / "store"
        encode_passages(run, candidates_of(run, tasks, split, limit), store, codec, progress=True)
        yield run.reading(store)


def task_score(summary: Summary) -> TaskScore:
    """Read a summary, fractions to percentages.

    For two-hop questions the gold passages count as read where a whole evidence set was.
    """
    metric, gold = summary["metric"], summary["gold_passages"]
    with_gold = summary["metrics"].get(f"{metric}_when_evidence_read")
    return TaskScore(
        metric=metric,
        score=100 * summary["score"],
        score_evidence_read=None if with_gold is None else 100 * with_gold,
        questions=summary["questions"],
        gold=gold["passages"],
        gold_retrieved=gold["retrieved"],
        gold_read=gold["read"],
    )


def time_runs(runs: Sequence[LoadedRun], split: str, questions: int, repeats: int) -> list[Timing]:
    """Time runs alternately on ``questions`` questions a task, each in its own precision."""
    subjects = {
        str(i): Subject(_reader(run), timed_questions(run, split, questions), run.config.generation, _bf16(run))
        for i, run in enumerate(runs)
    }
    return list(benchmark(subjects, repeats).values())


def timed_questions(run: LoadedRun, split: str, count: int) -> list[Batch]:
    """Batches of one question each, ``count`` a task, evenly spread over the split."""
    examples = [e for key in run.supervised for e in evaluation_examples(run.task(key), split, count)]
    return [run.collator([example], run.passages).to(run.device) for example in examples]


def run_result(run: LoadedRun, split: str, scores: Mapping[str, Summary], timing: Timing, timed: int) -> RunResult:
    """Put together what was measured; multiply-adds are those of a question of the timed ones' mean lengths."""
    batches = timed_questions(run, split, timed)
    lengths = Lengths(
        question=round(fmean(int(batch.questions.mask.sum()) for batch in batches)),
        passage=round(fmean(length for batch in batches for length in batch.passages.mask.sum(1).tolist())),
        target=round(fmean(int(batch.targets.mask.sum()) for batch in batches)),
    )
    shape = shape_of(run.config, run.tokenizer.vocabulary, lengths)
    return RunResult(
        system=system_of(run),
        seed=run.config.seed,
        split=split,
        retrieved=shape.retrieved,
        kept=shape.kept,
        reranked=_reader(run).reranker.learned,
        tasks={key: task_score(summary) for key, summary in scores.items()},
        multiply_adds=exact_count(shape).total,
        source_units=float(source_units(shape.retrieved, shape.kept, shape.alpha, shape.beta)),
        milliseconds=timing.total,
        folder=run.folder,
        settings={
            "parameters": f"{count_parameters(run.reader):,}",
            "encoder layers": str(shape.layers),
            "of them live": str(shape.live_layers),
            "of them before the score": str(shape.rerank_layers),
            "width": str(shape.width),
            "updates until these weights": str(run.step),
            "questions an update": str(run.config.trainer.questions),
            "precision": "bf16" if _bf16(run) else "fp32",
            "tokens of a question, passage, target": f"{lengths.question}, {lengths.passage}, {lengths.target}",
            "ms source side, decoding": f"{timing.source:.1f}, {timing.decode:.1f}",
        },
    )


CURVES = (
    ("train", "cross_entropy", "cross-entropy in training", 1),
    ("train", "teacher_forced/exact", "exact match in training", 100),
    ("evaluation", "average", "average dev score", 100),
)
"""Kind and name of what is logged, and its label and factor in a plot: all that systems with other criterions share."""


def training_curves(runs: Sequence[LoadedRun]) -> dict[str, dict[str, list[Curve]]]:
    """What every run logged, by step: quantity → system → a curve a seed; none where there is no log.

    Curves of one point are left out.
    """
    curves: dict[str, dict[str, list[Curve]]] = {}
    for run in runs:
        log = run.folder / "metrics.jsonl"
        written = log.exists() and log.stat().st_size > 0
        lines = [line for _, line in read_json_lines(log, "a logged entry")] if written else []
        for kind, name, label, factor in CURVES:
            curve = [
                (line["step"], factor * line[name])
                for line in lines
                if line.get("task") is None and line.get("kind") == kind and line.get(name) is not None
            ]
            if len(curve) > 1:
                curves.setdefault(label, {}).setdefault(system_of(run), []).append(curve)
    return curves


def _bf16(run: LoadedRun) -> bool:
    return uses_bf16(run.config.trainer.precision, run.device)


def _reader(run: LoadedRun) -> Reader:
    if not isinstance(run.reader, Reader):
        raise ConfigError(f"{run.folder}: its model {run.config.model.name!r} is no reader; only readers are compared")
    return run.reader
