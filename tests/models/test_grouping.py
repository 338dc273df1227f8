"""Encoding in groups of like length changes neither what comes out nor the gradients, and saves padding."""

import pytest
import torch
from torch import Tensor

from glimmer.data.values import States
from glimmer.models import grouping
from glimmer.models.grouping import run_in_groups

LENGTHS = torch.tensor([3, 9, 0, 5, 9, 1])


def states() -> States:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(len(LENGTHS), 9, 4, generator=generator, requires_grad=True)
    return States(values, torch.arange(9)[None] < LENGTHS[:, None])


def encode(rows: States, question_lengths: Tensor | None) -> States:
    """Add to every token the mean of its row's tokens, times its row's question length."""
    total = (rows.values * rows.mask[..., None]).sum(1, keepdim=True)
    scale = 1 if question_lengths is None else question_lengths[:, None, None]
    return States(rows.values + scale * total, rows.mask)


@pytest.mark.parametrize("question_lengths", [None, torch.arange(6)])
def test_groups_give_what_all_rows_together_give(
    question_lengths: Tensor | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "GROUP_TOKENS", 10)
    shapes = []

    def counted(rows: States, lengths: Tensor | None) -> States:
        shapes.append(tuple(rows.mask.shape))
        return encode(rows, lengths)

    plain, grouped = states(), states()
    expected = encode(plain, question_lengths)
    found = run_in_groups(counted, grouped, question_lengths)
    assert torch.equal(found.mask, expected.mask)
    torch.testing.assert_close(found.values[found.mask], expected.values[expected.mask])
    assert sum(n * width for n, width in shapes) < LENGTHS.numel() * 9 / 1.5
    for result in (expected, found):
        (result.values[result.mask] ** 2).sum().backward()  # type: ignore[no-untyped-call]
    assert plain.values.grad is not None
    assert grouped.values.grad is not None
    torch.testing.assert_close(grouped.values.grad[found.mask], plain.values.grad[found.mask])


def test_few_rows_stay_together() -> None:
    seen = []

    def counted(rows: States, lengths: Tensor | None) -> States:
        seen.append(len(rows.mask))
        return rows

    run_in_groups(counted, states(), None)
    assert seen == [len(LENGTHS)]
