"""Which arithmetic a run takes."""

import logging

import pytest
import torch

from glimmer import precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("asked", "fast", "bf16"),
    [
        ("fp32", True, False),
        ("fp32", False, False),
        ("bf16", True, True),
        ("bf16", False, True),
        ("auto", True, True),
        ("auto", False, False),
    ],
)
def test_auto_takes_bf16_where_it_is_fast_and_nothing_else_is_overruled(
    asked: str, fast: bool, bf16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: fast)
    assert precision.uses_bf16(asked, CPU) == bf16


def test_emulated_products_are_warned_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    precision._warn.cache_clear()
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: False)
    with caplog.at_level(logging.WARNING):
        for asked in ("bf16", "bf16", "auto", "fp32"):
            precision.uses_bf16(asked, CPU)
    assert [record.message for record in caplog.records] == [
        "precision=bf16: cpu has no bf16 products and emulates them, slowly; auto takes fp32 there"
    ]
