"""What weights begin as, and what a small reader can do before its first update."""

from typing import Any

import pytest
import torch
from small_readers import small_batch, small_reader
from torch import nn

from glimmer.data.values import States, Tokens
from glimmer.models.initialisers import INITIALISERS
from glimmer.models.reader import Reader
from glimmer.models.rerankers import RERANKERS


@pytest.fixture(scope="module")
def reader() -> Reader:
    return small_reader(
        live=2,
        rerank=0,
        reranker="none",
        initialiser="copy_path",
        width=128,
        head_width=32,
        decoder_options={"tie_output": True},
    )


def test_an_answer_once_begun_goes_on(reader: Reader) -> None:
    """Told the first tokens of a passage's span, the decoder looks next at the token behind them."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randperm(reader.encoder.vocabulary - 3, generator=generator)[:24][None] + 3
    source = reader.encoder.finish(
        reader.encoder.run(
            reader.encoder.embed(Tokens(ids, torch.ones_like(ids).bool())), 0, reader.encoder.layers, None
        )
    )
    with torch.no_grad():
        logits = reader.decoder(ids[:, 4:12], States(source.values, source.mask))[0, 1:, ids[0]]
    written = torch.arange(4, 11)
    others = logits.scatter(1, written[:, None], float("-inf"))  # its input is what a fresh tied decoder says loudest
    assert (others.argmax(1) == written + 1).float().mean() > 0.7


@pytest.mark.parametrize("key_value_heads", [4, 2, 1])
def test_a_token_that_all_heads_look_at_passes_through_as_itself(key_value_heads: int) -> None:
    options = {"heads": 4, "head_width": 32 // key_value_heads, "key_value_heads": key_value_heads}
    cross = small_reader(initialiser="copy_path", decoder_options=options).decoder.blocks[0].cross_attention
    source = torch.randn(2, 1, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        passed = cross(torch.zeros(2, 1, 32), *cross.keys_values(source), None)
    torch.testing.assert_close(passed, source)


def test_the_copy_path_fits_readers_of_few_heads_and_multi_query_decoders() -> None:
    """What has no room is left out, and the rest computes."""
    reader = small_reader(initialiser="copy_path", decoder_options={"key_value_heads": 1})
    assert torch.isfinite(reader(small_batch()).logits).all()


@pytest.mark.parametrize(
    "options", [{"name": "max_pool"}, {"name": "max_sim", "dimensions": 4}, {"name": "first_token"}]
)
def test_a_heads_projection_keeps_unit_variance(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    head = RERANKERS.build(RERANKERS.configure(**options), width=2048)
    INITIALISERS.build(INITIALISERS.configure("t5"))(head)
    projection = head.get_submodule("projection")
    assert isinstance(projection, nn.Linear)
    assert projection.weight.std().item() == pytest.approx(2048**-0.5, rel=0.05)
    assert projection.bias is None or not projection.bias.any()


def test_an_untied_output_keeps_unit_variance_and_attention_its_own() -> None:
    decoder = small_reader().decoder
    assert decoder.output.weight.std().item() == pytest.approx(32**-0.5, rel=0.05)
    query = decoder.blocks[0].attention.query.weight
    assert query.std().item() == pytest.approx((32 * 8) ** -0.5, rel=0.1)
