"""The arithmetic of an update: one mean over all tokens, however the questions are cut up."""

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from small_readers import small_batch, small_reader
from torch import Tensor

from glimmer.criterions import CRITERIONS
from glimmer.criterions.base import Criterion
from glimmer.data.values import Batch, Tokens
from glimmer.models.reader import Reader
from glimmer.models.values import ReaderOutput
from glimmer.training.distributed import Group
from glimmer.training.tally import EXACT, TOKEN_ACCURACY, Tally, measure
from glimmer.training.update import accumulate_gradients, clip_gradients, diagnose, total_counts

TESTS = Path(__file__).parents[1]
COUNTS = (4, 2, 3, 1, 4, 3)


def criterions() -> dict[str, Criterion]:
    return {
        "cross_entropy": CRITERIONS.build(CRITERIONS.configure("cross_entropy")),
        "perplexity_distillation": CRITERIONS.build(CRITERIONS.configure("perplexity_distillation", weight=0.3)),
    }


def reader() -> Reader:
    return small_reader(selector="top_m", selector_options={"kept": 2})


def rows(batch: Batch, start: int, stop: int, step: int = 1) -> Batch:
    """Some questions of a batch."""
    part = slice(start, stop, step)

    def cut(tokens: Tokens) -> Tokens:
        return Tokens(tokens.ids[part], tokens.mask[part])

    return Batch(
        ids=batch.ids[part],
        tasks=batch.tasks[part],
        questions=cut(batch.questions),
        passages=batch.passages,
        passage_ids=batch.passage_ids,
        index=batch.index[part],
        retrieval_scores=batch.retrieval_scores[part],
        gold=batch.gold[part],
        targets=cut(batch.targets),
    )


def gradients(batches: list[Batch], group: Group | None = None) -> tuple[dict[str, Tensor], Tally]:
    group = group or Group()
    made, losses = reader(), criterions()
    totals = total_counts(losses, batches, group)
    found = accumulate_gradients(made, losses, batches, totals, bf16=False)
    group.sum_gradients(made.parameters())
    tally = Tally().merge(group.gather(found.tally))
    return {name: p.grad for name, p in made.named_parameters() if p.grad is not None}, tally


@pytest.mark.parametrize("cuts", [(0, 3, 6), (0, 1, 2, 3, 4, 5, 6), (0, 5, 6)])
def test_accumulated_micro_batches_are_one_large_batch(cuts: tuple[int, ...]) -> None:
    batch = small_batch(COUNTS)
    whole, tally = gradients([batch])
    parts, other = gradients([rows(batch, a, b) for a, b in itertools.pairwise(cuts)])
    assert whole.keys() == parts.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, rtol=1e-4, atol=1e-6)
    assert other.mean("cross_entropy") == pytest.approx(tally.mean("cross_entropy"), rel=1e-5)


def test_the_loss_is_the_weighted_sum_of_means_over_counts() -> None:
    batch = small_batch(COUNTS)
    found, tally = gradients([batch])
    made, losses = reader(), criterions()
    output = made(batch, every_passage=True)
    token = losses["cross_entropy"](made, output, batch)
    rank = losses["perplexity_distillation"](made, output, batch)
    assert 0 in rank.counts  # the question with one passage has nothing to rank, and does not count
    loss = token.values.sum() / batch.targets.mask.sum() + 0.3 * rank.values.sum() / 5
    loss.backward()  # type: ignore[no-untyped-call]
    assert tally.mean("cross_entropy") + 0.3 * tally.mean("perplexity_distillation") == pytest.approx(loss.item())
    for name, parameter in made.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(found[name], parameter.grad)


def test_a_criterion_that_applies_to_nothing_adds_nothing() -> None:
    batch = small_batch((1, 1))
    found, tally = gradients([batch])
    assert all(gradient.isfinite().all() for gradient in found.values())
    assert "perplexity_distillation" not in tally.means()[""]


def test_two_ranks_are_one_rank_with_twice_the_batch(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS / 'training'}", "OMP_NUM_THREADS": "1"}
    environment |= {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(29000 + os.getpid() % 1000)}
    ranks = [
        subprocess.Popen(
            [sys.executable, str(TESTS / "training" / "two_ranks.py"), str(tmp_path)],
            env={**environment, "RANK": str(rank)},
        )
        for rank in range(2)
    ]
    assert [rank.wait(timeout=120) for rank in ranks] == [0, 0]
    first, second = (torch.load(tmp_path / f"rank-{rank}.pt", weights_only=True) for rank in range(2))
    whole, tally = gradients([small_batch(COUNTS)])
    assert first["gradients"].keys() == second["gradients"].keys() == whole.keys()
    for name, gradient in whole.items():
        assert torch.equal(first["gradients"][name], second["gradients"][name])
        torch.testing.assert_close(first["gradients"][name], gradient, rtol=1e-4, atol=1e-6)
    assert first["loss"] == second["loss"] == pytest.approx(tally.mean("cross_entropy"), rel=1e-5)
    assert first["from_main"] == second["from_main"] == 0
    assert torch.equal(first["shared"], second["shared"])
    for name, tensor in first["codes"].items():
        assert torch.equal(tensor, second["codes"][name]), name
    assert int(first["codes"]["seen"]) == 5 * 16  # the share of an update, of both ranks' tokens
    # 24 tokens an update, 12 of each rank; codes that were drawn again have more than they had.
    assert 23.9 < first["codes"]["counts"].sum() < 36
    assert first["sum"].tolist() == second["sum"].tolist() == [2.0, 1.0]


def test_logs_are_copied_once_a_micro_batch_after_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    forward, tolist = Reader.forward, Tensor.tolist

    def told(reader: Reader, *arguments: Any, **options: Any) -> ReaderOutput:
        order.append("forward")
        return forward(reader, *arguments, **options)

    def copied(tensor: Tensor) -> Any:
        if tensor.is_floating_point():
            order.append("copy")
        return tolist(tensor)

    monkeypatch.setattr(Reader, "forward", told)
    monkeypatch.setattr(Tensor, "tolist", copied)
    batch = small_batch(COUNTS)
    gradients([rows(batch, 0, 4), rows(batch, 4, 6)])
    assert order == ["forward", "forward", "copy", "copy"]  # in between, each would wait for the device


def test_clipping_scales_to_the_largest_norm_and_reports_the_norm_before() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    for largest, expected in ((1.0, [0.6, 0.8]), (10.0, [3.0, 4.0]), (None, [3.0, 4.0])):
        weight.grad = torch.tensor([3.0, 4.0])
        assert clip_gradients([weight], largest) == pytest.approx(5.0)
        assert weight.grad.tolist() == pytest.approx(expected, abs=1e-5)


def test_teacher_forced_exact_match_needs_every_token_and_ignores_padding() -> None:
    batch = small_batch((1, 1))
    targets = Tokens.pad([[5, 6, 1], [7, 1]])
    batch = Batch(
        **{**{f: getattr(batch, f) for f in batch.__dataclass_fields__}, "targets": targets, "tasks": ("a", "b")}
    )
    predicted = torch.tensor([5, 9, 1, 7, 1])
    made = reader()
    output = made(batch)
    output = type(output)(torch.nn.functional.one_hot(predicted, 60).float(), output.ranking, output.pairs, True)
    means = Tally().add(batch.tasks, measure({}, output, batch)).means()
    assert means["a"] == {EXACT: 0.0, TOKEN_ACCURACY: pytest.approx(2 / 3)}
    assert means["b"] == {EXACT: 1.0, TOKEN_ACCURACY: 1.0}
    assert means[""] == {EXACT: 0.5, TOKEN_ACCURACY: pytest.approx(4 / 5)}


def test_the_records_whose_loss_is_not_finite_are_named() -> None:
    batch = small_batch((2, 2, 2))
    made = reader()
    losses = criterions()
    found = accumulate_gradients(made, losses, [batch], total_counts(losses, [batch], Group()), bf16=False)
    values = found.losses[0][1].clone()
    assert "though every record's loss is" in diagnose([found], 1.0, float("inf"), 7)
    values[0, 1] = float("nan")
    broken = type(found)(found.tally, ((batch.ids, values),))
    message = diagnose([broken], float("nan"), float("nan"), 7)
    assert message.startswith("step 7: not finite")
    assert message.endswith(f"is not: {batch.ids[1]}")
