"""What codecs make of a run: how well it answers from memory that they stored, and what storing and reading takes.

Every codec has a folder below the run's ``codecs``. It holds ``measured.json``, so that nothing is measured twice, and
while it is measured, or when it is to be kept, the store.
"""

import json
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

from tqdm import tqdm

from glimmer.analysis.plots import draw_codecs
from glimmer.analysis.runs import evaluate_run, made_by_of, timed_questions
from glimmer.analysis.stored import passage_bytes
from glimmer.analysis.tables import quantity, table
from glimmer.data.files import read_json, write_bytes, write_json
from glimmer.data.values import Batch
from glimmer.errors import ConfigError
from glimmer.inference.codec import chosen_codec
from glimmer.inference.encode import encode_passages, reader_with_memory
from glimmer.inference.run import LoadedRun
from glimmer.memory import Codec, MemoryStore
from glimmer.memory.content import contents_of
from glimmer.registry import ComponentConfig

FOLDER = "codecs"
BFLOAT16 = 2
"""Bytes of a number of raw memory, which compression is told against."""
REPEATS = 20


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """How codecs are measured."""

    split: str
    limit: int | None = None
    """Questions a task at most, evenly spread; None: all."""
    timed: int = 8
    """Questions a task whose passages' reading is timed."""
    keep: bool = False
    """Whether stores stay."""


@dataclass(frozen=True)
class Measured:
    """What a codec makes of a run."""

    bytes_per_token: float
    """Stored bytes by the tokens that passages have, stored or not; what the codec has learned is not among them."""
    compression: float
    """How many times smaller than raw bfloat16."""
    average: float
    """Mean over tasks of the headline metrics, in percent."""
    gather_decode_ms: float
    """Median time of reading the passages of a question."""
    encode_s: float
    """Seconds in which the passages were encoded and stored, what is to be learned for it included."""
    learned_bytes: int
    """Bytes of what the codec has learned, once a store."""
    tasks: dict[str, float]
    """Task → headline metric, in percent."""

    def figures(self) -> dict[str, float]:
        """The figures of the table, by their names in JSON."""
        found = asdict(self)
        return {name: found[name] for name in found if name not in ("learned_bytes", "tasks")}


def default_codecs(run: LoadedRun) -> list[str]:
    """Codecs worth a comparison for memory of the run's width, as ``--codec`` names them: of 1 to 32 times smaller.

    Raises:
        ConfigError: the run's model makes no memory.
    """
    width, tokens = reader_with_memory(run).encoder.width, run.config.collator.passage_tokens
    codecs = ["raw", "raw,dtype=float16", "int8"]
    codecs += [f"first_tokens,count={max(1, tokens // share)}+raw" for share in (2, 4)]
    for kind, pieces in (("product", (2, 4, 8)), ("optimised_product", (4, 8))):
        codecs += [f"{kind},subspaces={width // piece}" for piece in pieces if width % piece == 0]
    codecs += [f"residual,subspaces=1,stages={width // piece}" for piece in (8, 16) if width >= piece]
    return [*codecs, "token_residual"]


def measure_codecs(
    run: LoadedRun, codecs: Mapping[str, ComponentConfig], beside: Mapping[str, LoadedRun], how: Measuring
) -> dict[str, Measured]:
    """Measure a run with each of ``codecs``, and every run ``beside`` it with the one that its own memory learned.

    Returns:
        By the codecs' names, then by those of the runs beside.

    Raises:
        ConfigError: a run makes no memory, has other tasks than the first, or its memory has still to learn.
        GlimmerError: a codec does not fit the run, or the data are at fault.
    """
    for name, other in beside.items():
        if other.supervised != run.supervised:
            raise ConfigError(
                f"{name} has the tasks {', '.join(other.supervised)}; expected those of {run.folder}: "
                f"{', '.join(run.supervised)}"
            )
        if name in codecs:
            raise ConfigError(f"{name} is a run and a codec; rename the run's folder")
    subjects: list[tuple[str, LoadedRun, ComponentConfig | None]] = []
    subjects += [(name, run, config) for name, config in codecs.items()]
    subjects += [(name, other, None) for name, other in beside.items()]
    built = {name: chosen_codec(config, reader_with_memory(subject)) for name, subject, config in subjects}
    found = {}
    with tqdm(subjects, desc="codecs", unit="codec") as bar:
        for name, subject, config in bar:
            bar.set_postfix_str(name)
            found[name] = _measure(subject, config, built[name], name, how)
    return found


def write_codecs(found: Mapping[str, Measured], output: Path, how: Measuring, command: str) -> str:
    """Write the figures as JSON to ``output``, and beside it a table (``.md``) and a plot (``.png``).

    Returns:
        The table.
    """
    plot = output.with_suffix(".png")
    draw_codecs({name: (codec.compression, codec.average) for name, codec in found.items()}, plot)
    made = codec_table(found)
    parts = [
        f"# Codecs\n\nSplit `{how.split}`, scores in percent; what a codec learns once a store is apart.",
        f"    {command}",
        made,
        f"![Average score against compression]({plot.name})",
    ]
    write_bytes(output.with_suffix(".md"), ("\n\n".join(parts) + "\n").encode())
    write_json(output, {name: codec.figures() for name, codec in found.items()})
    return made


def codec_table(found: Mapping[str, Measured]) -> str:
    """A row a codec."""
    tasks = list(next(iter(found.values())).tasks)
    header = ["codec", "bytes a token", "smaller", "learned", *tasks, "average", "gather and decode, ms", "encode, s"]
    rows = [
        [
            f"`{name}`",
            f"{codec.bytes_per_token:.1f}",
            f"{codec.compression:.1f}",
            f"{quantity(codec.learned_bytes)}B",
            *(f"{codec.tasks[task]:.1f}" for task in tasks),
            f"{codec.average:.2f}",
            f"{codec.gather_decode_ms:.2f}",
            f"{codec.encode_s:.1f}",
        ]
        for name, codec in found.items()
    ]
    return table(header, rows)


def gather_decode_ms(store: MemoryStore, batches: Sequence[Batch], repeats: int = REPEATS) -> float:
    """Median milliseconds in which the passages of a batch are found, gathered and decoded, once they were before."""
    times = []
    for batch in batches:
        contents = contents_of(batch.passages)
        for repeat in range(1 + repeats):
            start = time.perf_counter()
            store.read(batch.passage_ids, contents)
            if repeat:
                times.append(time.perf_counter() - start)
    return 1e3 * median(times)


def _measure(run: LoadedRun, config: ComponentConfig | None, codec: Codec, name: str, how: Measuring) -> Measured:
    called = re.sub(r"[^\w.=+-]+", "-", name)
    folder = run.folder / FOLDER / "-".join([called, how.split, *([f"limit{how.limit}"] if how.limit else [])])
    record, store = folder / "measured.json", folder / "store"
    made_by = _made_by(run, codec, how)
    if record.exists():
        told = read_json(record, "what was measured of a codec")
        if told.get("made_by") == made_by and (store.is_dir() or not how.keep):
            return Measured(**told["measured"])
    shutil.rmtree(folder, ignore_errors=True)  # of a measurement that was stopped, or of other weights or options
    passages = run.corpus.passages()
    start = time.perf_counter()
    encode_passages(run, passages, store, config, progress=True)
    encode_s = time.perf_counter() - start
    reading = replace(run.reading(store), variant="-".join(filter(None, [run.variant, f"codec-{called}"])))
    summaries = evaluate_run(reading, how.split, how.limit)
    tasks = {task: 100 * summary["score"] for task, summary in summaries.items()}
    opened = MemoryStore(store)
    lengths = [len(run.collator.encode_passage(passage)) for passage in passages]
    size = sum(passage_bytes(codec, length) for length in lengths) / sum(lengths)
    measured = Measured(
        bytes_per_token=size,
        compression=BFLOAT16 * codec.width / size,
        average=fmean(tasks.values()),
        gather_decode_ms=gather_decode_ms(opened, timed_questions(reading, how.split, how.timed)),
        encode_s=encode_s,
        learned_bytes=sum(array.nbytes for array in opened.codec.arrays().values()),
        tasks=tasks,
    )
    write_json(record, {"made_by": made_by, "measured": asdict(measured)})
    if not how.keep:
        shutil.rmtree(store)
    return measured


def _made_by(run: LoadedRun, codec: Codec, how: Measuring) -> Any:
    """All that decides what is measured, as plain types."""
    tasks = made_by_of(run, run.supervised, how.split, how.limit)
    codec_options, passages = asdict(codec.config), len(run.corpus.passages())
    decisive = {"tasks": tasks, "codec": codec_options, "timed": how.timed, "passages": passages}
    return json.loads(json.dumps(decisive))
