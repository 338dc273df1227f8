"""T5's attention: position buckets and products worked out by hand, and one result by either of its two ways."""

import math

import pytest
import torch
from torch import Tensor

from glimmer.models.t5.attention import RelativePositionBias, attend, mask_bias

FIRST_BOTH_WAYS = {8: 8, 9: 12, 10: 16, 11: 23, 12: 32, 13: 46, 14: 64, 15: 91}
"""Where T5's far buckets begin: 8 · 16^(i/8), rounded up."""
FIRST_CAUSAL = dict(zip(range(16, 32), [16, 19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113], strict=True))
"""16 · 8^(i/16), rounded up."""


def buckets(table: RelativePositionBias, distances: list[int]) -> list[int]:
    found: list[int] = table.bucket(torch.tensor(distances)).tolist()
    return found


def test_buckets_both_ways() -> None:
    """Of 8 buckets 4 for each side: 0 and 1 alone, then from 2 · 8^(i/2), which is 2 and 5.7."""
    table = RelativePositionBias(1, 8, 16, bidirectional=True)
    assert buckets(table, [-99, -16, -6, -5, -2, -1, 0]) == [3, 3, 3, 2, 2, 1, 0]
    assert buckets(table, [1, 2, 5, 6, 16, 99]) == [5, 6, 6, 7, 7, 7]


def test_causal_buckets() -> None:
    """Of 8 buckets 0 to 3 alone, then from 4 · 8^(i/4), which is 4, 6.7, 11.3 and 19.03; what comes later is 0."""
    table = RelativePositionBias(1, 8, 32, bidirectional=False)
    assert buckets(table, [5, 1, 0, -1, -2, -3]) == [0, 0, 0, 1, 2, 3]
    assert buckets(table, [-4, -6, -7, -11, -12, -19, -20, -32, -99]) == [4, 4, 5, 5, 6, 6, 7, 7, 7]


@pytest.mark.parametrize(("bidirectional", "first"), [(True, FIRST_BOTH_WAYS), (False, FIRST_CAUSAL)])
def test_buckets_of_t5(bidirectional: bool, first: dict[int, int]) -> None:
    table = RelativePositionBias(1, 32, 128, bidirectional)
    near = list(range(min(first)))
    assert buckets(table, [-d for d in near]) == near
    assert buckets(table, [-d for d in first.values()]) == list(first)
    assert buckets(table, [1 - d for d in first.values()]) == [b - 1 for b in first]
    assert buckets(table, [-127, -128, -9999]) == [max(first)] * 3
    if bidirectional:
        assert buckets(table, [1, *first.values(), 9999]) == [17, *(b + 16 for b in first), 31]


def test_the_bias_of_a_query_and_a_key_is_that_of_their_distance() -> None:
    table = RelativePositionBias(2, 8, 16, bidirectional=True)
    with torch.no_grad():
        table.weight.copy_(torch.arange(16.0).view(8, 2))
    bias = table(2, 3)
    assert bias.shape == (1, 2, 2, 3)
    assert bias[0, 0].tolist() == [[0, 10, 12], [2, 0, 10]]  # buckets 0 5 6 and 1 0 5
    assert bias[0, 1].tolist() == [[1, 11, 13], [3, 1, 11]]
    assert torch.equal(table(1, 3, first_query=1), bias[:, :, 1:])


def both_ways(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> list[Tensor]:
    """By explicit products, as where a bias is learned, and by the fused kernel, as elsewhere."""
    explicit = attend(query, key, value, bias.clone().requires_grad_(), 0.0).detach()
    return [explicit, attend(query, key, value, bias, 0.0).detach()]


def test_logits_are_not_scaled() -> None:
    """Logits 2 + 0 and 0 + 1 with heads of 4, and a hidden key that would win."""
    query, key = torch.tensor([[[[2.0, 0, 0, 0]]]]), torch.tensor([[[[1.0, 0, 0, 0], [0] * 4, [9.0] * 4]]])
    bias = torch.tensor([[0.0, 1.0, 0.0]]) + mask_bias(torch.tensor([[True, True, False]]), torch.float32)
    for found in both_ways(query, key, torch.tensor([[[[1.0], [0.0], [7.0]]]]), bias):
        assert float(found) == pytest.approx(math.e**2 / (math.e**2 + math.e))


@pytest.mark.parametrize("groups", [4, 2, 1])
def test_both_ways_attend_alike(groups: int) -> None:
    """With mask, bias and shared key-value heads; a row without a real token is finite in both."""
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(3, 4, 5, 6, generator=generator, requires_grad=True)
    key, value = torch.randn(2, 3, groups, 7, 6, generator=generator)
    mask = torch.arange(7)[None] < torch.tensor([7, 3, 0])[:, None]
    bias = torch.randn(1, 4, 5, 7, generator=generator) + mask_bias(mask, torch.float32)[:, None, None]
    explicit, fused = both_ways(query, key, value, bias)
    assert explicit.isfinite().all()
    torch.testing.assert_close(fused, explicit, atol=1e-6, rtol=1e-5)
    short = attend(query[1:2], key[1:2, :, :3], value[1:2, :, :3], bias[1:2, ..., :3], 0.0)
    torch.testing.assert_close(explicit[1:2], short, atol=1e-6, rtol=1e-5)
    for head in range(4):
        one = slice(head * groups // 4, head * groups // 4 + 1)
        alone = attend(query[:, head : head + 1], key[:, one], value[:, one], bias[:, head : head + 1], 0.0)
        torch.testing.assert_close(explicit[:, head : head + 1], alone, atol=1e-6, rtol=1e-5)


def test_both_ways_have_the_same_gradients() -> None:
    """Rows of like tokens, which training on a CPU gives to the fused kernel, unless the bias is learned."""
    generator = torch.Generator().manual_seed(0)
    bias = mask_bias(torch.tensor([[True] * 5, [True] * 3 + [False] * 2]), torch.float32)[:, None, None]
    weight = torch.randn(2, 3, 5, 4, generator=generator)
    given = torch.randn(3, 2, 3, 5, 4, generator=generator)
    found = []
    for learned in (True, False):
        parts = [part.clone().requires_grad_() for part in given]
        query, key, value = parts
        (attend(query, key, value, bias.clone().requires_grad_(learned), 0.0) * weight).sum().backward()
        found.append([part.grad for part in parts])
    for explicit, fused in zip(*found, strict=True):
        torch.testing.assert_close(fused, explicit, atol=1e-6, rtol=1e-5)


def test_dropout_takes_whole_weights_and_keeps_their_sum_on_average() -> None:
    torch.manual_seed(0)
    query = torch.zeros(500, 1, 1, 2, requires_grad=True)
    found = attend(query, torch.zeros(500, 1, 4, 2), torch.ones(500, 1, 4, 1), None, 0.25).detach().flatten()
    assert {round(3 * float(share), 3) for share in found} == {0, 1, 2, 3, 4}  # of 4 weights, each 1/4 or, kept, 1/3
    assert float(found.mean()) == pytest.approx(1, abs=0.05)
