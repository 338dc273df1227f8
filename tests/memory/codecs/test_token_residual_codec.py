"""Residual quantisation beside token ids: what tokens let expect needs no codes, and ids are kept to the bit."""

from pathlib import Path
from typing import Any

import pytest
import torch
from small_codecs import decoded
from torch import Tensor

from glimmer.cli.codecs import codec_of
from glimmer.errors import StoreError
from glimmer.memory import CODECS, Codec, MemoryStore
from glimmer.memory.codecs import Sample, TokenResidualCodec
from glimmer.memory.codecs.token_residual import fit_effects, neighbours, predict
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
    """Passages of 20 tokens, each of ``ids`` from ``first`` on.

    A state is a vector of its token, one of the token before it, one of the token after it, and noise.
    """
    own, before, after = torch.randn(3, first + ids, width, generator=torch.Generator().manual_seed(99)) * 3 + 1
    draw = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(count):
        some = torch.randint(first, first + ids, (20,), generator=draw)
        states = own[some] + noise * torch.randn(20, width, generator=draw)
        states[1:] += before[some[:-1]]
        states[:-1] += after[some[1:]]
        made.append((states, some))
    return made


def lost(made: Codec, sample: Sample) -> float:
    """The mean square of what is lost."""
    return float(torch.stack([(decoded(made, made.encode(*one)) - one[0]).square().mean() for one in sample]).mean())


def arrays(made: Codec) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array) for name, array in made.arrays().items()}


def test_a_row_is_the_id_and_the_codes_of_what_the_prediction_leaves() -> None:
    made = codec()
    made.fit(passages(first=1000))
    states, ids = passages(1, seed=5, first=1000)[0]
    rows = made.encode(states, ids)
    assert rows.shape == (20, made.bytes_per_token) == (20, 2 + 2)
    assert torch.equal(rows[:, 0] + 256 * rows[:, 1].int(), ids.int())
    learned = arrays(made)
    mean, (before, own, after), (stages,) = learned["mean"], learned["effects"], learned["codebooks"]
    expected = mean + own[ids + 1]
    expected[1:] += before[ids[:-1] + 1]
    expected[:-1] += after[ids[1:] + 1]
    packed = rows[:, 2:].int()
    codes = torch.stack([packed[:, 0] & 15, packed[:, 0] >> 4, packed[:, 1] & 15, packed[:, 1] >> 4], 1)
    for stage, chosen in zip(stages, codes.T, strict=True):
        expected += stage[chosen]
    torch.testing.assert_close(decoded(made, rows), expected)


def test_neighbours_end_with_the_passage() -> None:
    found = neighbours(torch.tensor([5, 6, 7, 8, 9]), [2, 0, 3], 2)
    assert found.tolist() == [[0, 0, 6, 7, 0], [0, 6, 7, 0, 0], [0, 0, 8, 9, 10], [0, 8, 9, 10, 0], [8, 9, 10, 0, 0]]
    assert neighbours(torch.tensor([], dtype=torch.long), [], 1).shape == (0, 3)


def test_effects_are_means_as_worked_out_by_hand() -> None:
    states, ids = torch.tensor([[1.0, 2.0], [3.0, 6.0], [5.0, 1.0]]), torch.tensor([2, 2, 0])
    mean, effects = fit_effects([(states, ids)], 2, reach=0, sweeps=1, prior=1.0)
    assert mean.tolist() == [3.0, 3.0]
    # Less the mean: (-2, -1) and (0, 3) of token 2, (2, -2) of token 0; one token with nothing counts in each.
    torch.testing.assert_close(effects, torch.tensor([[[0.0, 0.0], [1.0, -1.0], [0.0, 0.0], [-2 / 3, 2 / 3]]]))


def test_more_sweeps_take_neighbours_apart() -> None:
    sample = passages(400, noise=0.0)
    left = []
    for sweeps in (1, 2, 16):
        made = codec(stages=1, sweeps=sweeps, prior=0.0)
        made.fit(sample)
        left.append(lost(made, sample))
    assert left[0] > 2 * left[1] > 4 * left[2]


def test_states_that_tokens_decide_are_restored_by_any_codes() -> None:
    made = codec(stages=1, prior=0.0, sweeps=100)
    sample = passages(400, noise=0.0)
    made.fit(sample)
    for states, ids in sample:
        torch.testing.assert_close(decoded(made, made.encode(states, ids)), states, rtol=0, atol=1e-2)


def test_it_loses_less_than_codes_or_tokens_alone_in_as_many_bytes() -> None:
    alone = CODECS.build(CODECS.configure("residual", **(SMALL | {"stages": 8})), width=32)
    without, made = codec(32, reach=0), codec(32)
    assert made.bytes_per_token == without.bytes_per_token == alone.bytes_per_token
    for one in (alone, without, made):
        one.fit(passages(800, ids=200, width=32))
    fresh = passages(seed=7, ids=200, width=32)
    assert lost(made, fresh) < 0.3 * min(lost(without, fresh), lost(alone, fresh))


@pytest.mark.parametrize("unseen", [7, 50, 65_535])
def test_a_token_that_was_not_seen_adds_nothing(unseen: int) -> None:
    made = codec()
    made.fit([(states[ids != 7], ids[ids != 7]) for states, ids in passages()])
    mean, effects = arrays(made)["mean"], arrays(made)["effects"]
    one, other = predict(mean, effects, torch.tensor([unseen, 3]), [2])
    torch.testing.assert_close(one, mean + effects[2, 1 + 3])
    torch.testing.assert_close(other, mean + effects[1, 1 + 3])
    rows = made.encode(torch.stack([one, other]), torch.tensor([unseen, 3]))
    assert rows[0, :2].tolist() == [unseen & 255, unseen >> 8]


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
        assert torch.equal(decoded(made, rows), decoded(first, rows))
    assert not torch.equal(other.encode(states, ids), rows)


def test_what_another_codec_has_learned_is_refused() -> None:
    made, wide = codec(), codec(width=16)
    made.fit(passages())
    message = (
        r"needs the array mean, float32 of \(16,\), the array effects, float32 of \(3, None, 16\), "
        r"the array codebooks, float32 of \(1, 4, 16, 16\); found"
    )
    with pytest.raises(StoreError, match=message):
        wide.load(made.arrays())
    with pytest.raises(StoreError, match="needs the array mean"):
        codec().load({"codebooks": made.arrays()["codebooks"]})
    with pytest.raises(StoreError, match=r"float32 of \(5, None, 8\)"):
        codec(reach=2).load(made.arrays())


def test_what_cannot_be_learned_from_is_refused() -> None:
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
        assert torch.equal(values, decoded(alone, alone.encode(states[:6], ids[:6])))
