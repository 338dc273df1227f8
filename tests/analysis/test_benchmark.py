"""The benchmark: what it leaves as it was, and that it times what it says."""

from dataclasses import replace

import pytest
import torch
from small_readers import VOCABULARY, random_question, small_reader
from torch.utils._python_dispatch import TorchDispatchMode

from glimmer.analysis.benchmark import Subject, benchmark
from glimmer.models.generation import GenerationConfig
from glimmer.models.reader import Reader

GENERATION = GenerationConfig(max_tokens=2)


def subject(reader: Reader, candidates: int = 3) -> Subject:
    questions = [random_question(VOCABULARY, candidates, 4, 6, seed) for seed in range(2)]
    return Subject(reader, questions, GENERATION)


def test_readers_are_left_as_they_were() -> None:
    reader = small_reader().train()
    memory, weights = reader.memory, [p.clone() for p in reader.parameters()]
    benchmark({"one": subject(reader)}, repeats=1)
    assert reader.memory is memory
    assert reader.training
    assert all(torch.equal(p, before) for p, before in zip(reader.parameters(), weights, strict=True))


def test_no_memory_layer_runs_over_a_passage_while_timing(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = small_reader()
    encoded = []
    original = reader.encode_memory
    monkeypatch.setattr(reader, "encode_memory", lambda tokens: encoded.append(1) or original(tokens))
    benchmark({"one": subject(reader)}, repeats=3)
    assert len(encoded) == 2  # once a question, before the clock starts


def test_weights_are_cast_once_the_frozen_ones_too(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = small_reader()
    weight = reader.encoder.embedding.weight.requires_grad_(False)
    reader.decoder.output = None  # predicts with the embedding, at every step
    casts = []

    class Counting(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            if func is torch.ops.aten._to_copy.default and args[0].shape == weight.shape:
                casts.append(func)
            return func(*args, **(kwargs or {}))

    with Counting():
        benchmark({"one": replace(subject(reader), bf16=True)}, repeats=3)
    assert len(casts) == 1
    assert not weight.requires_grad


def test_held_memory_changes_no_answer() -> None:
    reader = small_reader()
    question = random_question(VOCABULARY, 3, 4, 6)
    before = reader.read(question)[1].values
    seen = []
    start = reader.decoder.start
    reader.decoder.start = lambda encoded, beams: seen.append(encoded.values) or start(encoded, beams)  # type: ignore
    benchmark({"one": Subject(reader, [question], GENERATION)}, repeats=1, warm_up=0)
    assert torch.equal(seen[0], before)


def test_more_passages_take_longer_on_the_source_side() -> None:
    few, many = subject(small_reader(live=4, rerank=0), 1), subject(small_reader(live=4, rerank=0), 200)
    times = benchmark({"few": few, "many": many}, repeats=5)
    assert times["many"].source > times["few"].source > 0
    assert times["few"].total == times["few"].source + times["few"].decode
