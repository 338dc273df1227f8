"""Milliseconds a question, by part, of several readers measured alternately in one process."""

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch

from glimmer.data.values import Batch, States, Tokens
from glimmer.memory.base import Encode, Memory
from glimmer.models.generation import GenerationConfig, search
from glimmer.models.reader import Reader
from glimmer.registry import ComponentConfig


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one question: medians over repeats of the mean over questions."""

    source: float
    """Question encoding, live layers, score and selection; the passages' memory is there already."""
    decode: float
    """Cross-attention keys and values, and every decoder step."""

    @property
    def total(self) -> float:
        """Source side and decoding."""
        return self.source + self.decode


@dataclass(frozen=True)
class Subject:
    """A reader to be timed on its own view (number of candidates) of the shared questions."""

    reader: Reader
    questions: Sequence[Batch]
    """Batches of one question each, on the reader's device."""
    generation: GenerationConfig
    bf16: bool = False
    """Run under bf16 autocast, as a run with that precision is evaluated."""


def benchmark(subjects: Mapping[str, Subject], repeats: int = 5, warm_up: int = 2) -> dict[str, Timing]:
    """Time every subject on every question, the subjects taking turns question by question.

    The first ``warm_up`` questions run once before, untimed. Memory is held beside the reader, so that no memory layer
    runs over a passage, as when it is read back from a store; where there are no memory layers nothing is held.
    Readers are timed in evaluation mode, and under bf16 with weights that are cast already, as they stay while a
    service answers one question after the other.
    """
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in subjects}
    modes = {name: subject.reader.training for name, subject in subjects.items()}
    for subject in subjects.values():
        subject.reader.eval()
    with _held(subjects), _cast_once(subjects):
        for subject in subjects.values():
            for question in subject.questions[:warm_up]:
                _time(subject, question)
        for _ in range(repeats):
            totals = dict.fromkeys(subjects, (0.0, 0.0))
            for turn in range(max(len(subject.questions) for subject in subjects.values())):
                for name, subject in subjects.items():
                    if turn < len(subject.questions):
                        source, decode = _time(subject, subject.questions[turn])
                        totals[name] = (totals[name][0] + source, totals[name][1] + decode)
            for name, (source, decode) in totals.items():
                count = len(subjects[name].questions)
                seconds[name].append((source / count, decode / count))
    for name, subject in subjects.items():
        subject.reader.train(modes[name])
    return {
        name: Timing(*(1000 * statistics.median(part) for part in zip(*rows, strict=True)))
        for name, rows in seconds.items()
    }


class HeldMemory(Memory):
    """Memory computed beforehand and held, by passage id."""

    def __init__(self) -> None:
        super().__init__(ComponentConfig(name="held"), text_fingerprint="")
        self.states: dict[tuple[str, ...], States] = {}

    def forward(self, encode: Encode, passages: Tokens, passage_ids: tuple[str, ...]) -> States:
        """The memory held for a batch's passages."""
        return self.states[passage_ids]


@contextmanager
def _held(subjects: Mapping[str, Subject]) -> Iterator[None]:
    """Replace every reader's memory by one that holds its questions' passages, and put it back."""
    originals = {name: subject.reader.memory for name, subject in subjects.items()}
    try:
        for subject in subjects.values():
            reader = subject.reader
            if reader.encoder.memory_layers:
                held = HeldMemory()
                with torch.no_grad():
                    for question in subject.questions:
                        memory = reader.memory(reader.encode_memory, question.passages, question.passage_ids)
                        held.states[question.passage_ids] = memory
                reader.memory = held
        yield
    finally:
        for name, subject in subjects.items():
            subject.reader.memory = originals[name]


@contextmanager
def _cast_once(subjects: Mapping[str, Subject]) -> Iterator[None]:
    """Have autocast keep the casts of all weights, those of frozen ones too, from one question to the next."""
    frozen = [p for subject in subjects.values() for p in subject.reader.parameters() if not p.requires_grad]
    devices = {question.index.device.type for subject in subjects.values() for question in subject.questions}
    try:
        for parameter in frozen:
            parameter.requires_grad_(True)  # autocast keeps no cast of another
        with ExitStack() as outer:
            for device in devices:
                outer.enter_context(torch.autocast(device, enabled=False))  # casts go when the outermost context ends
            yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)


def _time(subject: Subject, question: Batch) -> tuple[float, float]:
    """Seconds of the source side and of decoding."""
    reader = subject.reader
    with torch.autocast(question.index.device.type, torch.bfloat16, enabled=subject.bf16):
        start = _now(question)
        _, fused = reader.read(question)
        read = _now(question)
        search(reader.decoder, fused, subject.generation, reader.eos_id)
        return read - start, _now(question) - read


def _now(question: Batch) -> float:
    if question.index.is_cuda:
        torch.cuda.synchronize(question.index.device)
    return time.perf_counter()
