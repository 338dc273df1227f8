"""Which tensor of a T5 checkpoint is which parameter of a reader: one table, for reading and for writing."""

import re
from collections.abc import Iterator

from glimmer.models.huggingface.sizes import T5Sizes

WIDTH, INNER, HIDDEN, HEADS, BUCKETS, VOCABULARY = "width", "inner", "hidden", "heads", "buckets", "vocabulary"

Row = tuple[str, str, tuple[str, ...]]
"""Our name, their name and the shape."""


def _attention(ours: str, theirs: str, number: int) -> list[Row]:
    at = f"layer.{number}"
    return [
        (f"{ours}_norm.weight", f"{at}.layer_norm.weight", (WIDTH,)),
        (f"{ours}.query.weight", f"{at}.{theirs}.q.weight", (INNER, WIDTH)),
        (f"{ours}.key.weight", f"{at}.{theirs}.k.weight", (INNER, WIDTH)),
        (f"{ours}.value.weight", f"{at}.{theirs}.v.weight", (INNER, WIDTH)),
        (f"{ours}.output.weight", f"{at}.{theirs}.o.weight", (WIDTH, INNER)),
    ]


def _feed_forward(number: int, gated: bool) -> list[Row]:
    at = f"layer.{number}"
    rows: list[Row] = [
        ("feed_forward_norm.weight", f"{at}.layer_norm.weight", (WIDTH,)),
        ("feed_forward.output.weight", f"{at}.DenseReluDense.wo.weight", (WIDTH, HIDDEN)),
    ]
    inner = ("inner", "gate") if gated else ("inner",)
    for ours, theirs in zip(inner, ("wi_0", "wi_1") if gated else ("wi",), strict=True):
        rows.append((f"feed_forward.{ours}.weight", f"{at}.DenseReluDense.{theirs}.weight", (HIDDEN, WIDTH)))
    return rows


def _layers(stack: str, count: int, rows: list[Row]) -> Iterator[Row]:
    for i in range(count):
        for ours, theirs, shape in rows:
            yield f"{stack}.blocks.{i}.{ours}", f"{stack}.block.{i}.{theirs}", shape


TABLE_OF_LAYER_0 = "block.0.layer.0.SelfAttention.relative_attention_bias.weight"
EMBEDDING, OUTPUT = "shared.weight", "lm_head.weight"
ALIASES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
"""Further names that the embedding has in some files."""
UNUSED = ("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",)
"""What T5 1.0's files hold and no T5 reads: cross-attention has no positions."""
POSITIONS = "encoder.memory_relative_attention_bias.weight"
"""The table of layer 0, which is a memory layer where there are any; the live layers' is a copy (``load_weights``)."""


def encoder_rows(sizes: T5Sizes) -> list[Row]:
    """The encoder's tensors."""
    layer = [*_attention("attention", "SelfAttention", 0), *_feed_forward(1, sizes.gated)]
    return [
        ("encoder.embedding.weight", EMBEDDING, (VOCABULARY, WIDTH)),
        (POSITIONS, f"encoder.{TABLE_OF_LAYER_0}", (BUCKETS, HEADS)),
        *_layers("encoder", sizes.layers, layer),
        ("encoder.final_norm.weight", "encoder.final_layer_norm.weight", (WIDTH,)),
    ]


def decoder_rows(sizes: T5Sizes) -> list[Row]:
    """The decoder's tensors, the output's among them where it is not the embedding."""
    layer = [
        *_attention("attention", "SelfAttention", 0),
        *_attention("cross", "EncDecAttention", 1),
        *_feed_forward(2, sizes.gated),
    ]
    layer = [(re.sub(r"^cross\.", "cross_attention.", ours), theirs, shape) for ours, theirs, shape in layer]
    rows: list[Row] = [
        ("decoder.relative_attention_bias.weight", f"decoder.{TABLE_OF_LAYER_0}", (BUCKETS, HEADS)),
        *_layers("decoder", sizes.decoder_layers, layer),
        ("decoder.final_norm.weight", "decoder.final_layer_norm.weight", (WIDTH,)),
    ]
    return rows if sizes.tie_output else [*rows, ("decoder.output.weight", OUTPUT, (VOCABULARY, WIDTH))]


def shape_of(row: Row, sizes: T5Sizes) -> tuple[int, ...]:
    """A row's shape in numbers."""
    numbers = {
        WIDTH: sizes.width,
        INNER: sizes.heads * sizes.head_width,
        HIDDEN: sizes.feed_forward,
        HEADS: sizes.heads,
        BUCKETS: sizes.buckets,
        VOCABULARY: sizes.vocabulary,
    }
    return tuple(numbers[name] for name in row[2])
