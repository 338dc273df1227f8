"""Both ways to train: memory that is read, where only live layers and decoder work, and memory that is trained.

Legend: B questions, P distinct passages, N pairs.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small_readers import small_batch, small_reader
from threads import threads_named
from torch import Tensor

from glimmer.analysis.memory_steps import every_pair
from glimmer.criterions import CRITERIONS
from glimmer.data.collate import Collator, CollatorConfig
from glimmer.data.tokenizers import TOKENIZERS, Tokenizer, train_tokenizer
from glimmer.data.values import Batch, Candidate, Example, Passage, States, Tokens
from glimmer.errors import StoreError
from glimmer.memory import CODECS, MemoryStore
from glimmer.memory.writer import write_store
from glimmer.models.reader import Reader
from glimmer.tasks.base import Task, TaskConfig
from glimmer.training.config import TrainerConfig
from glimmer.training.distributed import Group
from glimmer.training.optimizers import OPTIMIZERS, parameter_groups
from glimmer.training.sampler import Sampler, SamplerConfig
from glimmer.training.schedulers import LR_SCHEDULERS
from glimmer.training.trainer import Trainer
from glimmer.training.update import accumulate_gradients, total_counts

LAYERS, LIVE = 4, 2
QUESTIONS, DISTINCT, PAIRS = 3, 6, 12


def shared_batch() -> Batch:
    """Three questions with four candidates each, of six passages."""
    batch = small_batch((4, 4, 4))
    return replace(
        batch,
        passages=Tokens(batch.passages.ids[:DISTINCT], batch.passages.mask[:DISTINCT]),
        passage_ids=batch.passage_ids[:DISTINCT],
        index=torch.tensor([[0, 1, 2, 3], [0, 1, 2, 3], [2, 3, 4, 5]]),
    )


def store_of(path: Path, passages: Tokens, ids: tuple[str, ...]) -> Path:
    """The memory of ``small_reader``, raw."""
    reader = small_reader()
    with torch.no_grad():
        states = reader.encode_memory(passages)
    rows = [
        (name, tokens[mask].tolist(), values[mask])
        for name, tokens, mask, values in zip(ids, passages.ids, passages.mask, states.values, strict=True)
    ]
    write_store(
        path, rows, CODECS.build(CODECS.configure("raw", dtype="float32"), width=32), reader.memory_fingerprint()
    )
    return path


def stored(path: Path, **options: Any) -> Reader:
    return small_reader(memory="stored", memory_options={"path": str(path), **options})


class Work:
    """What went through each encoder layer, and every row of tokens that was encoded as memory."""

    def __init__(self, reader: Reader) -> None:
        self.rows = [0] * LAYERS
        self.recorded = [False] * LAYERS
        self.encoded: list[tuple[int, ...]] = []
        for number, block in enumerate(reader.encoder.blocks):  # type: ignore[arg-type]
            block.register_forward_hook(lambda module, given, states, n=number: self._ran(n, states))
        encode = reader.encode_memory

        def counted(passages: Tokens) -> States:
            self.encoded += [tuple(row[mask].tolist()) for row, mask in zip(passages.ids, passages.mask, strict=True)]
            return encode(passages)

        reader.encode_memory = counted  # type: ignore[method-assign]

    def _ran(self, layer: int, states: Tensor) -> None:
        self.rows[layer] += len(states)
        self.recorded[layer] |= states.requires_grad


def gradients(reader: Reader, batch: Batch) -> dict[str, Tensor]:
    """Those of a training step, without dropout."""
    criterions = {"cross_entropy": CRITERIONS.build(CRITERIONS.configure("cross_entropy"))}
    accumulate_gradients(reader, criterions, [batch], total_counts(criterions, [batch], Group()), bf16=False)
    return {name: p.grad for name, p in reader.named_parameters() if p.grad is not None}


def test_on_stored_memory_only_live_layers_and_decoder_work(tmp_path: Path) -> None:
    batch = shared_batch()
    reader = stored(store_of(tmp_path / "store", batch.passages, batch.passage_ids))
    work = Work(reader)
    found = gradients(reader, batch)
    assert work.encoded == []
    assert work.rows == [QUESTIONS, QUESTIONS, PAIRS, PAIRS]
    assert work.recorded == [False, False, True, True]
    own = {id(p) for module in reader.encoder.memory_modules() for p in module.parameters()}
    live = {name for name, p in reader.named_parameters() if id(p) not in own and not name.startswith("reranker")}
    assert live - {"encoder.live_relative_attention_bias.weight"} <= found.keys() <= live
    assert not any(p.requires_grad for p in reader.parameters() if id(p) in own)


def test_stored_memory_trains_as_frozen_memory_does(tmp_path: Path) -> None:
    batch = shared_batch()
    path = store_of(tmp_path / "store", batch.passages, batch.passage_ids)
    frozen = gradients(small_reader(memory_options={"frozen": True}), batch)
    found = gradients(stored(path), batch)
    assert found.keys() == frozen.keys()
    assert [name for name in found if not torch.equal(found[name], frozen[name])] == []


def test_frozen_memory_that_is_kept_trains_as_frozen_memory_does() -> None:
    batch = shared_batch()
    keeping = small_reader(memory_options={"frozen": True, "cache_bytes": 1 << 20})
    work = Work(keeping)
    with torch.no_grad():
        keeping(replace(batch, index=batch.index[:, :2]))
    assert len(work.encoded) == DISTINCT
    found = gradients(keeping, batch)
    assert len(work.encoded) == DISTINCT, "no passage is encoded twice"
    frozen = gradients(small_reader(memory_options={"frozen": True}), batch)
    assert found.keys() == frozen.keys()
    for name, gradient in frozen.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-6, rtol=1e-4)


def test_what_is_kept_hangs_on_nothing_that_was_encoded_beside_it() -> None:
    passages, ids = small_batch((4, 4, 4)).passages, tuple(map(str, range(12)))
    found = []
    for order in ([0, 1, 2, 3, 4], [4, 9, 2], [2]):
        reader = small_reader(memory_options={"frozen": True, "cache_bytes": 1 << 20})
        some = Tokens(passages.ids[order], passages.mask[order])
        states = reader.memory(reader.encode_memory, some, tuple(ids[row] for row in order))
        found.append(states.rows(torch.tensor(order.index(2))))
    assert all(torch.equal(states.values[states.mask], found[0].values[found[0].mask]) for states in found)


def test_trained_memory_encodes_every_distinct_passage_once() -> None:
    batch, reader = shared_batch(), small_reader()
    work = Work(reader)
    gradients(reader, batch)
    rows = [tuple(row[mask].tolist()) for row, mask in zip(batch.passages.ids, batch.passages.mask, strict=True)]
    assert work.encoded == rows
    assert len(set(rows)) == DISTINCT
    assert work.rows == [QUESTIONS + DISTINCT] * 2 + [PAIRS] * 2
    assert all(work.recorded)


def test_encoding_once_gives_the_gradients_of_encoding_every_pair() -> None:
    batch, reader, other = shared_batch(), small_reader(), small_reader()
    work = Work(other)
    once, pairs = gradients(reader, batch), gradients(other, every_pair(batch))
    assert len(work.encoded) == PAIRS
    assert once.keys() == pairs.keys()
    for name, gradient in once.items():
        torch.testing.assert_close(gradient, pairs[name], atol=1e-6, rtol=1e-4)


def test_an_absent_candidate_is_no_pair() -> None:
    batch = small_batch((2, 0, 3))
    found = every_pair(replace(batch, index=torch.tensor([[1, 0, -1], [-1, -1, -1], [0, 1, 4]])))
    assert found.index.tolist() == [[0, 1, -1], [-1, -1, -1], [2, 3, 4]]
    assert found.passage_ids == ("p1", "p0", "p0", "p1", "p4")
    assert torch.equal(found.passages.ids[[1, 2]], batch.passages.ids[[0, 0]])


PASSAGES = [
    Passage(f"p{i}", f"Land {i}", f"The capital is Town {i}." + " The river is long." * (i % 3)) for i in range(9)
]


class Capitals(Task):
    """Questions that share passages."""

    def count(self, split: str) -> int:
        return len(PASSAGES)

    def example(self, split: str, index: int, rng: random.Random) -> Example:
        found = [PASSAGES[(index + place) % len(PASSAGES)] for place in range(3)]
        candidates = tuple(Candidate(passage, -float(place), place == 0) for place, passage in enumerate(found))
        return Example(f"q{index}", self.key, f"capital of Land {index}?", f"Town {index}", (), candidates)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    texts = [f"{passage.title} {passage.text} title: context: capital of?" for passage in PASSAGES]
    return train_tokenizer(TOKENIZERS.configure("bpe", vocabulary=300), texts)


def trainer(tokenizer: Tokenizer, folder: Path, passages: list[Passage], **options: Any) -> Trainer:
    """A trainer on a new store of ``passages``."""
    collator = Collator(CollatorConfig(), tokenizer)
    tokens = [collator.encode_passage(passage) for passage in passages]
    online = small_reader(vocabulary=tokenizer.vocabulary)
    with torch.no_grad():
        states = [online.encode_memory(Tokens.pad([row])).values[0] for row in tokens]
    codec = CODECS.build(CODECS.configure("raw"), width=32)
    rows = [(passage.id, row, values) for passage, row, values in zip(passages, tokens, states, strict=True)]
    write_store(folder / "store", rows, codec, online.memory_fingerprint())
    reader = small_reader(
        vocabulary=tokenizer.vocabulary,
        memory="stored",
        memory_options={"path": str(folder / "store"), **options},
        joint_probability=0.3,  # some batches do not ask for the memory that was told of
    )
    optimizer = OPTIMIZERS.configure("adamw", lr=1e-2)
    return Trainer(
        TrainerConfig(steps=4, questions=4, micro_questions=3, device="cpu"),
        reader=reader,
        tasks={"capitals": Capitals(TaskConfig(name="capitals"), "capitals", None)},  # type: ignore[arg-type]
        criterions={"cross_entropy": CRITERIONS.build(CRITERIONS.configure("cross_entropy"))},
        collate=collator,
        sampler=Sampler(SamplerConfig(), {"capitals": len(PASSAGES)}, seed=3),
        optimizer=OPTIMIZERS.build(optimizer, parameter_groups(optimizer, reader.named_parameters())),
        lr=1e-2,
        lr_scheduler=LR_SCHEDULERS.build(LR_SCHEDULERS.configure("constant")),
        callbacks={},
        run_dir=folder,
        seed=3,
        run_config={},
    )


@contextmanager
def readers_of_stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the threads that read."""
    names: list[str] = []
    read = MemoryStore.read_packed

    def told(*given: Any) -> Any:
        names.append(threading.current_thread().name.partition("_")[0])
        return read(*given)

    with monkeypatch.context() as patched:
        patched.setattr(MemoryStore, "read_packed", told)
        yield names


def test_reading_ahead_changes_no_bit_of_a_run(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = threads_named("prefetch")
    plain = trainer(tokenizer, tmp_path / "plain", PASSAGES, prefetch=0)
    plain.fit()
    for options in ({"prefetch": 1}, {"prefetch": 4, "cache_bytes": 1 << 12}):
        ahead = trainer(tokenizer, tmp_path / f"ahead{options['prefetch']}", PASSAGES, **options)
        with readers_of_stores(monkeypatch) as names:
            ahead.fit()
        assert "prefetch" in names
        assert threads_named("prefetch") == threads
        assert ahead.sampler.state_dict() == plain.sampler.state_dict()
        weights, expected = ahead.reader.state_dict(), plain.reader.state_dict()
        assert [name for name in expected if not torch.equal(weights[name], expected[name])] == []


def test_without_reading_ahead_no_thread_is_made(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with readers_of_stores(monkeypatch) as names:
        trainer(tokenizer, tmp_path, PASSAGES, prefetch=0).fit()
    assert set(names) == {threading.main_thread().name}


def test_what_is_wrong_with_a_store_ends_training_in_its_own_words(tokenizer: Tokenizer, tmp_path: Path) -> None:
    threads = threads_named("prefetch")
    broken = trainer(tokenizer, tmp_path, PASSAGES[:-1], prefetch=2)
    with pytest.raises(StoreError, match=r"holds no passage 'p8'; was it encoded from another collection\?"):
        broken.fit()
    assert threads_named("prefetch") == threads
