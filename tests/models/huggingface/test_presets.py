"""The sizes of T5 v1.1 that have a name: every tensor has the shape that the published checkpoint's has."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from glimmer.config.compose import compose_run
from glimmer.models.decoders import DECODERS, T5Decoder
from glimmer.models.encoders import ENCODERS, T5Encoder
from glimmer.models.huggingface.names import decoder_rows, encoder_rows
from glimmer.models.huggingface.sizes import sizes_of

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("t5_v1_1_shapes.json").read_text())
"""By their names, ``{}`` for a layer's number: in how many layers, and the shape. Counted once, with all parameters."""


@pytest.mark.parametrize("preset", GOLDEN)
def test_a_preset_has_the_published_shapes(preset: str) -> None:
    config = compose_run([f"encoder={preset}", f"decoder={preset}", "tokenizer=huggingface"])
    vocabulary = config.tokenizer.vocabulary  # type: ignore[attr-defined]
    with torch.device("meta"):
        encoder = ENCODERS.build(config.encoder, vocabulary=vocabulary, live_layers=0)
        decoder = DECODERS.build(config.decoder, embedding=encoder.embedding)
    assert isinstance(encoder, T5Encoder)
    assert isinstance(decoder, T5Decoder)
    own = {f"encoder.{name}": p.shape for name, p in encoder.named_parameters()}
    own |= {f"decoder.{name}": p.shape for name, p in decoder.named_parameters() if p is not encoder.embedding.weight}
    sizes = sizes_of(config.encoder, config.decoder, vocabulary)
    rows = [*encoder_rows(sizes), *decoder_rows(sizes)]
    assert {ours for ours, _, _ in rows} == own.keys()
    found: dict[str, list[Any]] = {}
    for ours, theirs, _ in rows:
        entry = found.setdefault(re.sub(r"block\.\d+", "block.{}", theirs), [0, list(own[ours])])
        assert entry[1] == list(own[ours])
        entry[0] += 1
    assert found == GOLDEN[preset]["tensors"]
    assert sum(shape.numel() for shape in own.values()) == GOLDEN[preset]["parameters"]
