"""Weights on disk: small safetensors files, loadable into any split of the same sizes."""

import logging
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from glimmer.data.files import write_bytes
from glimmer.errors import CheckpointError

log = logging.getLogger(__name__)

_MEMORY_TABLE = "encoder.memory_relative_attention_bias.weight"
_LIVE_TABLE = "encoder.live_relative_attention_bias.weight"


def save_weights(model: nn.Module, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write the parameters, shared ones once; the file appears complete or not at all."""
    tensors = {name: p.detach().cpu().to(dtype).contiguous() for name, p in model.named_parameters()}
    write_bytes(path, save(tensors))


def load_weights(model: nn.Module, path: Path) -> None:
    """Begin from a checkpoint that may have another split and another reranker head.

    A position table that the checkpoint lacks is a copy of the other part's, as in T5, where one table serves the
    whole stack; a reranker head that it lacks keeps its initial weights. Anything else must fit.

    Raises:
        CheckpointError: the file is missing or corrupt, or tensors are missing, unexpected or misshapen.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file of weights")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file: {error}") from error
    assign_weights(model, tensors, str(path))


def assign_weights(model: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """Copy ``tensors`` into the model under the rules of ``load_weights``."""
    tensors = dict(tensors)
    parameters = dict(model.named_parameters())
    for table, other in ((_MEMORY_TABLE, _LIVE_TABLE), (_LIVE_TABLE, _MEMORY_TABLE)):
        if table in parameters and table not in tensors and other in tensors:
            tensors[table] = tensors[other]
    fresh = [name for name in parameters if name not in tensors and name.startswith("reranker.")]
    missing = [name for name in parameters if name not in tensors and name not in fresh]
    tables = (_MEMORY_TABLE, _LIVE_TABLE)
    unexpected = [n for n in tensors if n not in parameters and not n.startswith("reranker.") and n not in tables]
    misshapen = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(p.shape)}"
        for name, p in parameters.items()
        if name in tensors and tensors[name].shape != p.shape
    ]
    problems = [
        f"{label}: {', '.join(names[:5])}{f' and {len(names) - 5} more' if len(names) > 5 else ''}"
        for label, names in (("missing", missing), ("unexpected", unexpected), ("misshapen", misshapen))
        if names
    ]
    if problems:
        raise CheckpointError(f"{source} does not fit this reader: {'; '.join(problems)}")
    with torch.no_grad():
        for name, parameter in parameters.items():
            if name in tensors:
                parameter.copy_(tensors[name])
    if fresh:
        log.info("%s has no weights for %s: they keep their initial values", source, ", ".join(fresh))
