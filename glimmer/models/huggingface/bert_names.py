"""Which tensor of a BERT checkpoint is which parameter of our encoder."""

from glimmer.models.huggingface.bert_sizes import BertSizes

PREFIX = "bert."
"""Stands before the encoder's tensors where a file holds a BERT with a head."""
UNUSED = ("pooler.", "cls.", "classifier.", "qa_outputs.", "embeddings.position_ids")
"""How the names begin of what no encoder reads: heads, and a table of the numbers from 0 on."""
OLD_ENDINGS = {".gamma": ".weight", ".beta": ".bias"}
"""What the first checkpoints call a layer norm's parameters."""

Row = tuple[str, str, tuple[int, ...]]
"""The encoder's name, their name and the shape."""


def bert_rows(sizes: BertSizes) -> list[Row]:
    """The encoder's tensors."""
    width, hidden = sizes.width, sizes.feed_forward
    rows: list[Row] = [
        ("embedding.weight", "embeddings.word_embeddings.weight", (sizes.vocabulary, width)),
        ("position_embedding.weight", "embeddings.position_embeddings.weight", (sizes.positions, width)),
        ("type_embedding.weight", "embeddings.token_type_embeddings.weight", (sizes.types, width)),
        *_both("embedding_norm", "embeddings.LayerNorm", (width,)),
    ]
    layer = [
        *_both("attention.query", "attention.self.query", (width, width)),
        *_both("attention.key", "attention.self.key", (width, width)),
        *_both("attention.value", "attention.self.value", (width, width)),
        *_both("attention.output", "attention.output.dense", (width, width)),
        *_both("attention_norm", "attention.output.LayerNorm", (width,)),
        *_both("inner", "intermediate.dense", (hidden, width)),
        *_both("outer", "output.dense", (width, hidden)),
        *_both("feed_forward_norm", "output.LayerNorm", (width,)),
    ]
    for i in range(sizes.layers):
        rows += [(f"blocks.{i}.{ours}", f"encoder.layer.{i}.{theirs}", shape) for ours, theirs, shape in layer]
    return rows


def plain_name(theirs: str) -> str | None:
    """A tensor's name as ``bert_rows`` has it; None where no encoder reads it."""
    name = theirs.removeprefix(PREFIX)
    if name.startswith(UNUSED):
        return None
    for old, new in OLD_ENDINGS.items():
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name


def _both(ours: str, theirs: str, shape: tuple[int, ...]) -> list[Row]:
    """Weight and bias."""
    return [
        (f"{ours}.weight", f"{theirs}.weight", shape),
        (f"{ours}.bias", f"{theirs}.bias", shape[:1]),
    ]
