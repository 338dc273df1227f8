"""What a codec learns is learned once, kept beside the shards and given back when the store is opened."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from small_codecs import with_ids
from small_runs import small_run, write_corpus
from torch import Tensor

from glimmer.data.values import Passage
from glimmer.errors import StoreError
from glimmer.inference.encode import encode_passages
from glimmer.inference.run import LoadedRun, untrained_run
from glimmer.memory import CODECS, Codec, MemoryStore, register_codec
from glimmer.memory.check import verify_files
from glimmer.memory.codecs.base import Arrays, Sample
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.writer import Plan, StoreWriter
from glimmer.registry import ComponentConfig

FITTED: list[int] = []


@register_codec("test_centred", ComponentConfig)
class Centred(Codec):
    """States less the mean of a sample, of the first three tokens of a passage."""

    storage = torch.float32

    def __init__(self, config: ComponentConfig, width: int) -> None:
        super().__init__(config, width)
        self.mean: Tensor | None = None

    @property
    def columns(self) -> int:
        return self.width

    def encode(self, states: Tensor, token_ids: Tensor) -> Tensor:
        assert self.mean is not None
        return states[:3] - self.mean

    def decode(self, rows: Tensor, lengths: Sequence[int]) -> Tensor:
        assert self.mean is not None
        return rows + self.mean

    def stored_tokens(self, tokens: int) -> int:
        return min(tokens, 3)

    @property
    def sample(self) -> int:
        return 10 if self.mean is None else 0

    def fit(self, sample: Sample) -> None:
        FITTED.append(sum(self.stored_tokens(len(states)) for states, _ in sample))
        self.mean = torch.cat([states for states, _ in sample]).mean(0)

    def arrays(self) -> Arrays:
        return {} if self.mean is None else {"mean": self.mean.numpy()}

    def load(self, arrays: Arrays) -> None:
        self.mean = torch.from_numpy(arrays["mean"])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    folder = tmp_path_factory.mktemp("learning")
    return untrained_run(small_run(write_corpus(folder / "data"), folder / "run"))


def test_it_is_learned_once_and_given_back(run: LoadedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passages, path = list(run.corpus.passages()), tmp_path / "store"
    codec = CODECS.configure("test_centred")

    def broken() -> Iterator[Passage]:
        yield from passages[:6]
        raise KeyboardInterrupt

    FITTED.clear()
    with pytest.raises(KeyboardInterrupt):
        encode_passages(run, broken(), path, codec, shard_passages=4, batch_size=2)
    assert encode_passages(run, iter(passages), path, codec, shard_passages=4, batch_size=2)
    assert FITTED == [12]  # of four passages, encoded two at once: what is not stored does not count
    assert np.load(path / "codec" / "mean.npy").shape == (16,)
    store = MemoryStore(path)
    raw = tmp_path / "raw"
    encode_passages(run, passages, raw, CODECS.configure("raw", dtype="float32"))
    ids = [passage.id for passage in passages]
    read, expected = store.read(ids), MemoryStore(raw).read(ids)
    assert read.mask.sum(1).tolist() == [3] * len(ids)
    torch.testing.assert_close(read.values, expected.values[:, :3], atol=1e-5, rtol=1e-5)

    file = path / "codec" / "mean.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(StoreError, match=r"codec/mean\.npy is damaged: its checksum"):
        verify_files(path, store.promised)


def test_what_read_a_store_stores_as_it_does(run: LoadedRun, tmp_path: Path) -> None:
    passages = run.corpus.passages()
    encode_passages(run, passages, tmp_path / "first", CODECS.configure("residual", codes=16, stages=2, iterations=1))
    encode_passages(run.reading(tmp_path / "first"), passages, tmp_path / "second", None)
    first, second = (MemoryStore(tmp_path / name) for name in ("first", "second"))
    assert second.manifest["codec"] == first.manifest["codec"]
    ids = [passage.id for passage in passages]
    assert torch.equal(second.read(ids).values, first.read(ids).values)


def test_a_store_that_was_begun_with_something_else_is_refused(tmp_path: Path) -> None:
    plans = []
    for value in (1.0, 2.0):
        codec = CODECS.build(CODECS.configure("test_centred"), width=4)
        codec.fit(with_ids([torch.full((2, 4), value)]))
        plans.append(Plan(codec, Fingerprint("encoder", "weights", 1, "text"), shard_passages=4))
    FITTED.clear()
    for plan in (plans[0], plans[0]):
        with StoreWriter(tmp_path / "store", plan) as writer:
            writer.learn(lambda: FITTED.append(1))
    with StoreWriter(tmp_path / "store", plans[1]) as writer:
        with pytest.raises(StoreError, match="was begun with other mean than this run has learned; go on with the run"):
            writer.learn(lambda: FITTED.append(1))
    assert FITTED == []
