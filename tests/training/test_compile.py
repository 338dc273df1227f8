"""``trainer.compile``: every layer of encoder and decoder is compiled, whole, and computes what it did."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from small_readers import small_batch, small_reader
from torch import Tensor, fx

from glimmer.models.reader import Reader
from glimmer.training.update import compile_layers


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def trained(reader: Reader) -> list[Tensor]:
    """Logits and gradients of one training step with dropout."""
    reader.train()
    torch.manual_seed(0)
    logits = reader(small_batch()).logits
    logits.square().sum().backward()
    return [logits.detach(), *(p.grad for p in reader.parameters() if p.grad is not None)]


def test_a_training_step_runs_every_layer_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def compiled(function: Callable[..., Any], **_: Any) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            ran.append(function.__self__)  # type: ignore[attr-defined]
            return function(*args, **options)

        return call

    monkeypatch.setattr(torch, "compile", compiled)
    reader = small_reader()
    compile_layers(reader)
    trained(reader)
    assert set(ran) == {*reader.encoder.blocks, *reader.decoder.blocks}


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize("period", [1, 2])
def test_layers_of_one_kind_are_one_graph(period: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """``fullgraph`` raises where a layer would fall into pieces; without a code generator the result is the same."""
    graphs = []

    def count(graph: fx.GraphModule, _: list[Any]) -> Callable[..., Any]:
        graphs.append(graph)
        return graph.forward

    reader, plain = (small_reader(decoder_options={"cross_attention_period": period}) for _ in range(2))
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=count, fullgraph=True))
    compile_layers(reader)
    for found, expected in zip(trained(reader), trained(plain), strict=True):
        assert torch.equal(found, expected)
    assert len(graphs) == 1 + period  # encoder layers, and decoder layers with and without cross-attention
