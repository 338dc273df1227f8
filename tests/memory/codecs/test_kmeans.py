"""Codebooks are learned from a sample: reproducibly, better than at random, and to the last vector where they can."""

import pytest
import torch
from torch import Tensor

from glimmer.memory.codecs.codebooks import CodebookConfig, lookup, nearest
from glimmer.memory.codecs.kmeans import draw, fit_codebooks, redraw


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def clusters(count: int, each: int, width: int, noise: float = 0.01) -> Tensor:
    """``count`` far clusters of ``each`` vectors, in order."""
    centres = torch.randn(count, width, generator=generator(1)) * 10
    return (centres[:, None] + noise * torch.randn(count, each, width, generator=generator(2))).flatten(0, 1)


def error(vectors: Tensor, codebooks: Tensor) -> float:
    return float((lookup(nearest(vectors, codebooks), codebooks) - vectors).square().mean())


def test_the_nearest_code_is_that_of_brute_force_far_from_the_origin_too() -> None:
    codebooks = torch.randn(3, 40, 4, generator=generator(3)).double()
    vectors = torch.randn(100, 12, generator=generator(4)).double()
    distances = (vectors.view(100, 3, 1, 4) - codebooks).square().sum(-1)
    expected = distances.argmin(-1)
    for offset in (0.0, 1000.0):
        assert torch.equal(nearest((vectors + offset).float(), (codebooks + offset).float()), expected)


def test_vectors_that_rounding_cannot_tell_apart_are_told_apart() -> None:
    codebook = (torch.randn(200, 1, generator=generator()) * 1e-5 + 1).unique(dim=0)
    assert len(codebook) > 100
    assert torch.equal(nearest(codebook, codebook[None])[:, 0], torch.arange(len(codebook)))
    wide = torch.cat([codebook, torch.tensor([[1e6]])])
    assert torch.equal(nearest(wide, wide[None])[:, 0], torch.arange(len(wide)))


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    codebooks, vectors = torch.randn(2, 16, 3, generator=generator()), torch.randn(50, 6, generator=generator())
    whole = nearest(vectors, codebooks)
    monkeypatch.setattr("glimmer.memory.codecs.codebooks.BLOCK", 16 * 7)
    assert torch.equal(nearest(vectors, codebooks), whole)


@pytest.mark.parametrize("rounds", [3, 20])
def test_drawing_finds_every_far_cluster(rounds: int) -> None:
    drawn = draw(clusters(20, 30, 4), 60 if rounds == 3 else 20, rounds, generator())
    found = nearest(drawn, clusters(20, 1, 4)[None])[:, 0]
    assert len(found.unique()) == 20


def test_what_is_known_is_not_drawn_again() -> None:
    vectors = clusters(4, 10, 2, noise=0.0)
    drawn = draw(vectors, 1, 1, generator(), known=vectors[:30])
    assert torch.equal(drawn, vectors[-1:])


def test_where_all_is_drawn_the_rest_are_copies() -> None:
    vectors = torch.tensor([[0.0], [1.0]])
    drawn = draw(vectors, 5, 2, generator())
    assert drawn.shape == (5, 1)
    assert set(drawn[:, 0].tolist()) == {0.0, 1.0}


def test_a_sample_of_few_distinct_vectors_is_learned_to_the_bit() -> None:
    sample = torch.randn(40, 6, generator=generator()).repeat(3, 1)
    codebooks = fit_codebooks(sample, CodebookConfig(codes=40, sample=40), 3)
    assert codebooks.shape == (3, 40, 2)
    assert torch.equal(lookup(nearest(sample, codebooks), codebooks), sample)


def test_iterations_lessen_the_error_and_the_seed_decides() -> None:
    sample = torch.randn(500, 4, generator=generator())
    made = {n: fit_codebooks(sample, CodebookConfig(codes=16, iterations=n, rounds=4), 2) for n in (0, 1, 6)}
    errors = [error(sample, codebooks) for codebooks in made.values()]
    assert errors[0] > errors[1] > errors[2]
    again = fit_codebooks(sample, CodebookConfig(codes=16, iterations=6, rounds=4), 2)
    assert torch.equal(again, made[6])
    assert not torch.equal(fit_codebooks(sample, CodebookConfig(codes=16, iterations=6, rounds=4), 2, seed=1), again)


def test_rare_codes_alone_are_drawn_anew_where_the_error_is() -> None:
    vectors = clusters(3, 20, 2)
    codebook = torch.stack([vectors[0], vectors[20], torch.tensor([500.0, 500.0])])
    drawn = redraw(codebook, torch.tensor([False, False, True]), vectors, 1, generator())
    assert torch.equal(drawn[:2], codebook[:2])
    assert error(vectors, drawn[None]) < 0.01
    assert torch.equal(redraw(codebook, torch.zeros(3, dtype=torch.bool), vectors, 1, generator()), codebook)
