"""The readers of the paper's runs: how T5 1.1 is split, tensor by tensor, on the meta device."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from glimmer.config.compose import compose_run
from glimmer.data.tokenizers import vocabulary_of
from glimmer.models.build import sketch_reader
from glimmer.models.reader import Reader, count_parameters, parameters_by_part

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("paper_shapes.json").read_text())
"""By our names, ``{}`` for a layer's number: in how many layers, and the shape; the decoder's stand with T5's own, in
``huggingface/t5_v1_1_shapes.json``."""
PUBLISHED: dict[str, Any] = json.loads((Path(__file__).parent / "huggingface" / "t5_v1_1_shapes.json").read_text())
SIZES = {"base": (768, 2048, 12, 12), "large": (1024, 2816, 24, 16), "xl": (2048, 5120, 24, 32)}
SIZES |= {"xxl": (4096, 10240, 24, 64)}
"""Width, hidden width, layers and heads of 64 (T5 1.1)."""
VOCABULARY, BUCKETS = 32128, 32


def reader_of(run: str) -> Reader:
    config = compose_run([f"experiment=paper/{run}"])
    reader = sketch_reader(config, vocabulary_of(config.tokenizer))
    assert isinstance(reader, Reader)
    return reader


@pytest.mark.parametrize("run", GOLDEN)
def test_a_reader_has_the_shapes_and_counts_on_record(run: str) -> None:
    reader = reader_of(run)
    assert all(parameter.is_meta for parameter in reader.parameters())
    assert (count_parameters(reader), parameters_by_part(reader)) == (GOLDEN[run]["parameters"], GOLDEN[run]["parts"])
    counts: Counter[str] = Counter()
    for name, parameter in reader.named_parameters():
        called = re.sub(r"(?<=^encoder\.)blocks\.(\d+)", lambda n: side(int(n[1]), reader), name)
        if called.startswith("decoder."):
            continue
        counts[called] += 1
        assert list(parameter.shape) == GOLDEN[run]["tensors"][called][1], called
    assert counts == {name: count for name, (count, _) in GOLDEN[run]["tensors"].items()}


def side(number: int, reader: Reader) -> str:
    return f"{'memory' if number < reader.encoder.memory_layers else 'live'}_blocks.{{}}"


@pytest.mark.parametrize("run", GOLDEN)
def test_the_counts_on_record_are_those_by_hand(run: str) -> None:
    system, size = run.split("_")
    width, hidden, layers, heads = SIZES[size]
    live = layers if system == "fid" else layers // 3
    layer = 4 * width * heads * 64 + 3 * width * hidden + 2 * width
    table, embedding = BUCKETS * heads, VOCABULARY * width
    cross = 4 * width * heads * 64 + width
    expected = {
        "embedding": embedding,
        "memory layers": (layers - live) * layer + (table if live < layers else 0),
        "live layers": live * layer + table + width,
        "reranker": 2 * width + 1 if system == "glimmer" else 0,  # a norm's scale, a weight and the bias
        "decoder": layers * (layer + cross) + table + width + embedding,
    }
    assert GOLDEN[run]["parts"] == {part: count for part, count in expected.items() if count}
    # One T5 1.1, the live layers' own table of positions, and the head.
    own = expected["reranker"] + (table if live < layers else 0)
    assert GOLDEN[run]["parameters"] == PUBLISHED[f"t5_{size}"]["parameters"] + own


def test_a_model_that_is_no_reader_has_no_parts() -> None:
    assert parameters_by_part(reader_of("fid_base").decoder) == {}  # type: ignore[arg-type]
