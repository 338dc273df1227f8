"""Residual quantisation: codes whose vectors add up to a state, found by a beam, in as many bytes as promised."""

from itertools import product as every

import pytest
import torch
from small_codecs import decoded, encoded, with_ids
from torch import Tensor

from glimmer.errors import ConfigError, StoreError
from glimmer.memory import CODECS, Codec
from glimmer.memory.codecs.residual import search


def residual(width: int, **options: object) -> Codec:
    return CODECS.build(CODECS.configure("residual", **({"iterations": 2, "rounds": 4} | options)), width=width)


def states(tokens: int, width: int, seed: int = 0) -> Tensor:
    """Some dimensions louder than others, all far from zero."""
    drawn = torch.randn(tokens, width, generator=torch.Generator().manual_seed(seed))
    return drawn * torch.linspace(0.1, 2, width) + 5


def lost(codec: Codec, vectors: Tensor) -> float:
    return float((decoded(codec, encoded(codec, vectors)) - vectors).square().mean())


@pytest.mark.parametrize(
    ("width", "options", "shape", "stored"),
    [
        (128, {}, (1, 16, 256, 128), 16),  # one bit a dimension
        (768, {}, (6, 16, 256, 128), 96),
        (128, {"stages": 64}, (1, 64, 256, 128), 64),
        (128, {"codes": 4096, "stages": 3}, (1, 3, 4096, 128), 5),  # 36 bits
        (64, {"subspaces": 4, "stages": 2}, (4, 2, 256, 16), 8),
        (4, {}, (1, 1, 256, 4), 1),
    ],
)
def test_a_token_takes_its_codes_bits(width: int, options: dict[str, int], shape: tuple[int, ...], stored: int) -> None:
    codec = residual(width, **options)
    assert codec.bytes_per_token == stored
    with pytest.raises(StoreError) as caught:
        codec.load({})
    assert f"needs the array codebooks, float32 of {shape}; found" in str(caught.value)


@pytest.mark.parametrize("subspaces", [1, 2])
def test_a_state_is_the_sum_of_its_codes_vectors(subspaces: int) -> None:
    codec = residual(8, codes=16, subspaces=subspaces, stages=3, beam=2)
    codec.fit(with_ids([states(200, 8), states(100, 8, 1)]))
    fresh = states(40, 8, 2)
    rows = encoded(codec, fresh)
    assert (rows.dtype, rows.shape) == (torch.uint8, (40, -(-subspaces * 3 * 4 // 8)))
    codes = torch.stack([rows & 15, rows >> 4], 2).flatten(1)[:, : 3 * subspaces].view(40, subspaces, 3).long()
    codebooks = torch.from_numpy(codec.arrays()["codebooks"])
    sums = [sum(codebooks[g, m][codes[:, g, m]] for m in range(3)) for g in range(subspaces)]
    restored = decoded(codec, rows)
    torch.testing.assert_close(restored, torch.cat(sums, 1))
    assert torch.equal(decoded(codec, rows[7:9]), restored[7:9])
    assert torch.equal(torch.cat([encoded(codec, one[None]) for one in fresh]), rows)
    assert decoded(codec, encoded(codec, fresh[:0])).shape == (0, 8)


def test_a_beam_of_all_codings_finds_the_nearest() -> None:
    generator = torch.Generator().manual_seed(0)
    codebooks, vectors = torch.randn(3, 4, 5, generator=generator), torch.randn(30, 5, generator=generator)
    choices = torch.tensor([*every(range(4), repeat=3)])
    sums = sum(codebooks[m][choices[:, m]] for m in range(3))
    expected = choices[torch.cdist(vectors, sums).argmin(1)]
    assert torch.equal(search(vectors, codebooks, beam=64), expected)
    assert not torch.equal(search(vectors, codebooks, beam=1), expected)


def test_wider_beams_more_stages_and_loud_dimensions_lose_less() -> None:
    sample = states(600, 8)
    fitted = {stages: residual(8, codes=16, stages=stages, beam=4) for stages in (1, 2, 4)}
    for codec in fitted.values():
        codec.fit(with_ids([sample]))
    errors = [lost(codec, sample) for codec in fitted.values()]
    assert errors == sorted(errors, reverse=True)
    greedy = residual(8, codes=16, stages=4, beam=1)
    greedy.load(fitted[4].arrays())
    assert lost(fitted[4], sample) < lost(greedy, sample)
    product = CODECS.build(CODECS.configure("product", codes=16, subspaces=4), width=8)
    product.fit(with_ids([sample]))
    assert product.bytes_per_token == fitted[4].bytes_per_token
    assert lost(fitted[4], sample) < lost(product, sample)


def test_what_is_learned_follows_from_sample_and_seed() -> None:
    first, second, other = (residual(8, codes=16, stages=2, seed=seed) for seed in (1, 1, 2))
    for codec in (first, second, other):
        codec.fit(with_ids([states(300, 8)]))
    fresh = states(9, 8, 1)
    assert torch.equal(encoded(first, fresh), encoded(second, fresh))
    assert not torch.equal(encoded(first, fresh), encoded(other, fresh))
    with pytest.raises(StoreError, match="residual has no codebooks yet"):
        encoded(residual(8), fresh)
    with pytest.raises(StoreError, match="infinite or NaN, which codec residual cannot store"):
        encoded(first, torch.full((1, 8), torch.inf))


def test_subspaces_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ConfigError, match="subspaces must be a number that divides the 20 dimensions"):
        residual(20, subspaces=3)
