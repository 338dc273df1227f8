"""Begin a reader from a T5 checkpoint: T5 1.0, T5 1.1 and FLAN-T5, or what ``write_t5`` wrote of another reader."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from glimmer.data.hub import CONFIG
from glimmer.errors import CheckpointError
from glimmer.models.base import Model
from glimmer.models.decoders.t5 import T5Decoder, T5DecoderConfig
from glimmer.models.encoders.t5 import T5Encoder, T5EncoderConfig
from glimmer.models.huggingface.fit import require_options, require_tensors
from glimmer.models.huggingface.names import (
    ALIASES,
    EMBEDDING,
    OUTPUT,
    UNUSED,
    Row,
    decoder_rows,
    encoder_rows,
    shape_of,
)
from glimmer.models.huggingface.reduce import reduce_decoder
from glimmer.models.huggingface.sizes import T5Sizes, read_sizes
from glimmer.models.huggingface.tensors import open_file, open_tensors
from glimmer.models.weights import HEAD, assign_weights

EXTRA = "glimmer.safetensors"
"""The tensors of a reader that no T5 has, beside the checkpoint."""


def is_checkpoint(folder: Path) -> bool:
    """Whether ``folder`` is one in Hugging Face's layout."""
    return (folder / CONFIG).is_file()


def load_t5(reader: Model, folder: Path, fresh: str | None = None, reduce: str | None = None) -> list[str]:
    """Copy a T5's weights into a reader of the same sizes, split anywhere.

    Memory and live layers both begin with the position table of layer 0. What a T5 does not have (reranker head,
    marks) comes from the folder's ``glimmer.safetensors`` where there is one, else it keeps its initial values. The
    files are memory-mapped: the reader's own parameters are the only copy.

    Args:
        reader: of T5's encoder and decoder.
        folder: ``config.json`` with weights in one or several files.
        fresh: regular expression of the parameters that keep their initial values.
        reduce: how a smaller decoder begins, see ``reduce_decoder``.

    Returns:
        What is not as it was in the checkpoint, a line each.

    Raises:
        CheckpointError: a file is missing or damaged, tensors are missing, unexpected or misshapen, or the reader is
            of other sizes.
    """
    sizes, tensors = open_t5(folder)
    encoder, decoder = getattr(reader, "encoder", None), getattr(reader, "decoder", None)
    if not isinstance(encoder, T5Encoder) or not isinstance(decoder, T5Decoder):
        raise CheckpointError(f"{folder} is a T5; expected encoder=t5 and decoder=t5, or one that extends them")
    parameters = dict(reader.named_parameters())
    own = [name for name in parameters if name.startswith("decoder.")]
    anew = fresh is not None and all(re.search(fresh, name) for name in own)
    assert isinstance(encoder.config, T5EncoderConfig)
    assert isinstance(decoder.config, T5DecoderConfig)
    extra, head = _open_extra(folder)
    whole = any(name.startswith("decoder.") for name in tensors)
    if not whole and not anew and not any(name.startswith("decoder.") for name in extra):
        raise CheckpointError(f"{folder} has no decoder; trainer.fresh=^decoder\\. begins one anew")
    _require_sizes(folder, sizes, encoder, decoder.config if whole and not anew else None)
    notes: list[str] = []
    if anew:
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith("decoder.")}
    elif whole:
        tensors, notes = reduce_decoder(tensors, sizes, decoder.config, reduce)
    absent = parameters.keys() - {ours for ours, _, _ in (*encoder_rows(sizes), *decoder_rows(sizes))}
    assign_weights(reader, {**tensors, **extra}, str(folder), head, fresh, absent)
    return notes


def open_t5(folder: Path) -> tuple[T5Sizes, dict[str, Tensor]]:
    """Map a T5's tensors, by our names; an encoder alone (GTR, T5EncoderModel) has none of a decoder.

    Raises:
        CheckpointError: a file is missing or damaged, or tensors are missing, unexpected or misshapen.
    """
    sizes = read_sizes(folder)
    found = open_tensors(folder)
    _settle_aliases(folder, sizes, found)
    whole = any(name.startswith("decoder.") for name in found)
    rows = [*encoder_rows(sizes), *(decoder_rows(sizes) if whole else ())]
    require_tensors(folder, "T5", {row[1]: shape_of(row, sizes) for row in rows}, found)
    return sizes, _renamed(rows, found)


def _renamed(rows: list[Row], found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {ours: found[theirs] for ours, theirs, _ in rows}


def _settle_aliases(folder: Path, sizes: T5Sizes, found: dict[str, Tensor]) -> None:
    """Leave one name of a tensor that has several, and drop what no T5 reads."""
    for name in UNUSED:
        found.pop(name, None)
    embedding = next((found[name] for name in (EMBEDDING, *ALIASES) if name in found), None)
    if embedding is None:
        return
    same = (*ALIASES, OUTPUT) if sizes.tie_output else ALIASES
    for name in same:
        other = found.pop(name, embedding)
        if other.shape != embedding.shape or not torch.equal(other, embedding):
            raise CheckpointError(f"{folder}: {name} differs from {EMBEDDING}; expected the same, as T5 shares them")
    found[EMBEDDING] = embedding
    if sizes.copy_output and any(name.startswith("decoder.") for name in found):
        found.setdefault(OUTPUT, embedding)


def _require_sizes(folder: Path, sizes: T5Sizes, encoder: T5Encoder, decoder: T5DecoderConfig | None) -> None:
    """Refuse a reader of other sizes; ``reduce_decoder`` sees to a decoder's layers and key-value heads."""
    pairs = [("tokenizer.vocabulary", encoder.vocabulary, sizes.vocabulary)]
    pairs += [(f"encoder.{k}", getattr(encoder.config, k), v) for k, v in sizes.encoder_options().items()]
    if decoder is not None:
        options = sizes.decoder_options()
        layers = options.pop("layers")
        pairs += [(f"decoder.{k}", getattr(decoder, k), v) for k, v in options.items()]
        pairs += [("decoder.width", decoder.width, sizes.width)] if decoder.width not in (None, sizes.width) else []
        pairs += [("decoder.layers", decoder.layers, layers)] if decoder.layers > layers else []
    require_options(folder, pairs)


def _open_extra(folder: Path) -> tuple[dict[str, Tensor], str | None]:
    """What ``write_t5`` put beside a T5, and the reranker head that it is for."""
    path = folder / EXTRA
    if not path.exists():
        return {}, None
    tensors = open_file(path)
    with safe_open(path, framework="pt") as file:
        return tensors, (file.metadata() or {}).get(HEAD)
