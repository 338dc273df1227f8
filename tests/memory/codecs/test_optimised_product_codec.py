"""Optimised product quantisation: a rotation under which less is lost, in as many bytes."""

import pytest
import torch
from small_codecs import decoded, encoded, with_ids
from torch import Tensor

from glimmer.errors import StoreError
from glimmer.memory import CODECS, Codec
from glimmer.memory.codecs.rotation import balanced, procrustes

QUICK = {"codes": 16, "subspaces": 2, "iterations": 2, "rounds": 4, "turns": 4}


def optimised(width: int, **options: object) -> Codec:
    return CODECS.build(CODECS.configure("optimised_product", **(QUICK | options)), width=width)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def rotation(width: int, seed: int = 0) -> Tensor:
    return torch.linalg.qr(drawn(width, width, seed=seed))[0]


def lost(codec: Codec, vectors: Tensor) -> float:
    return float((decoded(codec, encoded(codec, vectors)) - vectors).square().mean())


def test_a_state_is_the_mean_and_the_rotated_vectors_of_its_codes() -> None:
    codec = optimised(8)
    assert codec.bytes_per_token == 1
    codec.fit(with_ids([drawn(200, 8) + 3, drawn(100, 8, seed=1) + 3]))
    fresh = drawn(40, 8, seed=2) + 3
    rows, arrays = encoded(codec, fresh), {name: torch.from_numpy(a) for name, a in codec.arrays().items()}
    assert (rows.dtype, rows.shape) == (torch.uint8, (40, 1))
    mean, turned, books = arrays["mean"], arrays["rotation"], arrays["codebooks"]
    torch.testing.assert_close(turned @ turned.T, torch.eye(8), atol=1e-5, rtol=0)
    parts = ((fresh - mean) @ turned).view(40, 2, 4)
    codes = torch.stack([torch.cdist(parts[:, g], books[g]).argmin(1) for g in range(2)], 1)
    assert torch.equal(rows[:, 0].long(), codes[:, 0] + 16 * codes[:, 1])
    restored = decoded(codec, rows)
    torch.testing.assert_close(restored, mean + torch.cat([books[g][codes[:, g]] for g in range(2)], 1) @ turned.T)
    torch.testing.assert_close(decoded(codec, rows[7:9]), restored[7:9])
    assert torch.equal(torch.cat([encoded(codec, one[None]) for one in fresh]), rows)
    assert decoded(codec, rows[:0]).shape == (0, 8)


def test_it_loses_less_than_product_quantisation_where_dimensions_depend_on_each_other() -> None:
    vectors = (drawn(600, 8) * torch.tensor([4.0, 3, 2, 1, 0.3, 0.2, 0.1, 0.1])) @ rotation(8) + 7
    plain = CODECS.build(CODECS.configure("product", codes=16, subspaces=2), width=8)
    codecs = [plain, optimised(8, turns=0), optimised(8, turns=8)]
    for codec in codecs:
        codec.fit(with_ids([vectors]))
    errors = [lost(codec, vectors) for codec in codecs]
    assert errors == sorted(errors, reverse=True)


def test_principal_axes_are_dealt_out_so_that_products_of_variances_are_alike() -> None:
    scales = torch.tensor([8.0, 4, 2, 1])
    vectors = (drawn(4000, 4) * scales) @ rotation(4)
    vectors = vectors - vectors.mean(0)
    dealt = (vectors @ balanced(vectors, 2)).std(0).view(2, 2)
    torch.testing.assert_close(dealt.prod(1), torch.tensor([8.0, 8.0]), rtol=0.1, atol=0)
    assert balanced(torch.zeros(5, 4), 2).isfinite().all()


def test_procrustes_finds_the_rotation_that_was_made() -> None:
    vectors, turned = drawn(50, 6), rotation(6, seed=5)
    torch.testing.assert_close(procrustes(vectors, vectors @ turned), turned, atol=1e-5, rtol=0)


def test_what_is_learned_follows_from_sample_and_seed_and_is_loaded_elsewhere() -> None:
    first, second, loaded = (optimised(8, seed=3) for _ in range(3))
    for codec in (first, second):
        codec.fit(with_ids([drawn(300, 8)]))
    loaded.load(first.arrays())
    fresh = drawn(9, 8, seed=1)
    assert torch.equal(encoded(first, fresh), encoded(second, fresh))
    assert torch.equal(encoded(first, fresh), encoded(loaded, fresh))
    arrays = {name: array for name, array in first.arrays().items() if name != "rotation"}
    with pytest.raises(StoreError, match=r"the array mean, float32 of \(8,\), the array rotation, float32 of \(8, 8\)"):
        loaded.load(arrays)
    with pytest.raises(StoreError, match="optimised_product has no codebooks yet"):
        encoded(optimised(8), fresh)
