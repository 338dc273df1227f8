"""Residual quantisation beside token ids: what a token's mean says needs no codes, and ids are kept to the bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from glimmer.cli.codecs import codec_of
from glimmer.errors import StoreError
from glimmer.memory import CODECS, Codec, MemoryStore
from glimmer.memory.codecs import Sample, TokenResidualCodec
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.writer import write_store

SMALL: dict[str, Any] = {"codes": 16, "subspaces": 1, "stages": 4, "sample": 600, "iterations": 2}


def codec(width: int = 8, **options: Any) -> TokenResidualCodec:
    made = CODECS.build(CODECS.configure("token_residual", **(SMALL | options)), width=width)
    assert isinstance(made, TokenResidualCodec)
    return made


def passages(
    count: int = 40, noise: float = 0.5, seed: int = 0, first: int = 0, ids: int = 50, width: int = 8
) -> Sample:
    """Passages of 20 tokens, each of ``ids`` from ``first`` on; a token's states are a vector of its own and noise."""
    own = torch.randn(first + ids, width, generator=torch.Generator().manual_seed(99)) * 3 + 1
    draw = torch.Generator().manual_seed(seed)
    made = [torch.randint(first, first + ids, (20,), generator=draw) for _ in range(count)]
    return [(own[some] + noise * torch.randn(20, width, generator=draw), some) for some in made]


def lost(made: Codec, sample: Sample) -> float:
    return float(torch.stack([(made.decode(made.encode(*one)) - one[0]).square().mean() for one in sample]).mean())


def test_a_row_is_the_id_and_the_codes_of_what_its_mean_leaves() -> None:
    made = codec()
    made.fit(passages(first=1000))
    states, ids = passages(1, seed=5, first=1000)[0]
    rows = made.encode(states, ids)
    assert rows.shape == (20, made.bytes_per_token) == (20, 2 + 2)
    assert torch.equal(rows[:, 0] + 256 * rows[:, 1].int(), ids.int())
    arrays = {name: torch.from_numpy(array) for name, array in made.arrays().items()}
    means, (stages,) = arrays["means"], arrays["codebooks"]
    packed = rows[:, 2:].int()
    codes = torch.stack([packed[:, 0] & 15, packed[:, 0] >> 4, packed[:, 1] & 15, packed[:, 1] >> 4], 1)
    expected = means[ids + 1] + sum(stages[m][codes[:, m]] for m in range(4))
    torch.testing.assert_close(made.decode(rows), expected)
    assert torch.equal(made.decode(rows[7:9]), made.decode(rows)[7:9])


def test_means_are_of_all_states_and_of_a_tokens_as_worked_out_by_hand() -> None:
    made = codec(width=2, stages=1, prior=1.0)
    ids = torch.tensor([2, 2, 0])
    made.fit([(torch.tensor([[1.0, 2.0], [3.0, 6.0], [5.0, 1.0]]), ids)])
    # The mean of all is (3, 3): once in (1 + 3 + 3) / 3, (2 + 6 + 3) / 3 and in (5 + 3) / 2, (1 + 3) / 2.
    expected = [[3.0, 3.0], [4.0, 2.0], [3.0, 3.0], [7 / 3, 11 / 3]]
    np.testing.assert_allclose(made.arrays()["means"], expected, rtol=1e-6)


def test_states_that_tokens_decide_are_restored_by_any_codes() -> None:
    made = codec(stages=1, prior=0.0)
    sample = passages(noise=0.0)
    made.fit(sample)
    for states, ids in sample:
        torch.testing.assert_close(made.decode(made.encode(states, ids)), states)


def test_it_loses_less_than_codes_alone_of_as_many_bytes() -> None:
    made, alone = codec(32), CODECS.build(CODECS.configure("residual", **(SMALL | {"stages": 8})), width=32)
    assert made.bytes_per_token == alone.bytes_per_token
    for one in (made, alone):
        one.fit(passages(400, ids=500, width=32))
    fresh = passages(seed=7, ids=500, width=32)
    assert lost(made, fresh) < 0.2 * lost(alone, fresh)


@pytest.mark.parametrize("unseen", [7, 50, 65_535])
def test_a_token_that_was_not_seen_has_the_mean_of_all(unseen: int) -> None:
    made = codec()
    made.fit([(states[ids != 7], ids[ids != 7]) for states, ids in passages()])
    means, stages = torch.from_numpy(made.arrays()["means"]), torch.from_numpy(made.arrays()["codebooks"][0])
    # States that the means of two tokens and the same codes make: they are those of the two tokens, to the bit.
    states = torch.stack([means[0], means[1 + 3]]) + stages[:, 5].sum(0)
    rows = made.encode(states, torch.tensor([unseen, 3]))
    assert rows[0, :2].tolist() == [unseen & 255, unseen >> 8]
    assert torch.equal(rows[0, 2:], rows[1, 2:])
    torch.testing.assert_close(made.decode(rows)[0] - means[0], made.decode(rows)[1] - means[1 + 3])


def test_ids_beyond_two_bytes_are_refused() -> None:
    made = codec()
    states, ids = passages(1)[0]
    ids[3] = 65_536
    message = r"stores token ids below 65,536, and there is 65,536; use residual"
    with pytest.raises(StoreError, match=message):
        made.fit([(states, ids)])
    made.fit(passages())
    with pytest.raises(StoreError, match=message):
        made.encode(states, ids)


def test_the_same_sample_and_seed_give_the_same_codec() -> None:
    first, second, other = codec(), codec(), codec(seed=1)
    for made in (first, second, other):
        assert made.sample == 262_144
        made.fit(passages())
        assert made.sample == 0
    loaded = codec()
    loaded.load(first.arrays())
    states, ids = passages(1, seed=3)[0]
    rows = first.encode(states, ids)
    for made in (second, loaded):
        assert torch.equal(made.encode(states, ids), rows)
    assert not torch.equal(other.encode(states, ids), rows)


def test_what_another_codec_has_learned_is_refused() -> None:
    made, wide = codec(), codec(width=16)
    made.fit(passages())
    message = r"needs the array means, float32 of \(None, 16\), the array codebooks, float32 of \(1, 4, 16, 16\); found"
    with pytest.raises(StoreError, match=message):
        wide.load(made.arrays())
    with pytest.raises(StoreError, match="needs the array means"):
        codec().load({"codebooks": made.arrays()["codebooks"]})
    with pytest.raises(StoreError, match="no states to learn its codebooks from"):
        codec().fit([])
    with pytest.raises(StoreError, match="has no codebooks yet"):
        codec().encode(*passages(1)[0])
    with pytest.raises(StoreError, match="infinite or NaN"):
        codec().fit([(torch.full((2, 8), torch.inf), torch.tensor([0, 1]))])


def test_a_store_keeps_the_tokens_of_what_is_left_of_a_passage(tmp_path: Path) -> None:
    text = "first_tokens,count=6+token_residual,codes=16,subspaces=1,stages=4,sample=600"
    made = CODECS.build(codec_of(text), width=8)
    sample = passages()
    made.fit(sample)
    rows = [(f"p{row}", ids.tolist(), states) for row, (states, ids) in enumerate(sample)]
    write_store(tmp_path / "store", rows, made, Fingerprint("e", "w", 1, "t"))
    read = MemoryStore(tmp_path / "store").read([name for name, _, _ in rows])
    alone = CODECS.build(codec_of(text.split("+")[1]), width=8)
    alone.fit([(states[:6], ids[:6]) for states, ids in sample])
    for values, (states, ids) in zip(read.values, sample, strict=True):
        expected: Tensor = alone.decode(alone.encode(states[:6], ids[:6]))
        assert torch.equal(values, expected)
