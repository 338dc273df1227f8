"""Weights on disk: small safetensors files, loadable into any split of the same sizes."""

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from glimmer.data.files import write_bytes
from glimmer.errors import CheckpointError
from glimmer.models.rerankers import Reranker

log = logging.getLogger(__name__)

_MEMORY_TABLE = "encoder.memory_relative_attention_bias.weight"
LIVE_TABLE = "encoder.live_relative_attention_bias.weight"
MEMORY = "memory"
"""The part that is the memory; what it learns besides parameters, such as codebooks, is in checkpoints too."""
HEAD = "reranker"
"""The part that is the reranker head; in a file's metadata, its registered name."""
_OF_ANY_HEAD = (f"{HEAD}.retrieval_weight", f"{HEAD}.retrieval_gate.direction")
"""What any head may have or lack."""


def save_weights(model: nn.Module, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write the parameters, shared ones once, and the name of the reranker head that they are for.

    What the memory has learned besides, such as codebooks, keeps its own type. The file appears complete or not at all.
    """
    tensors = {name: p.detach().cpu().to(dtype).contiguous() for name, p in model.named_parameters()}
    tensors |= {name: tensor.cpu().contiguous() for name, tensor in learned_of(model).items()}
    head = head_of(model)
    write_bytes(path, save(tensors, None if head is None else {HEAD: head}))


def load_weights(model: nn.Module, path: Path, fresh: str | None = None) -> None:
    """Begin from a checkpoint that may have another split and another reranker head.

    A position table that the checkpoint lacks is a copy of the other part's, as in T5, where one table serves the
    whole stack. The weights of a reranker head go into the same head alone, one of the same registered name and the
    same tensors; any other keeps its initial weights. So do the parameters in whose names the regular expression
    ``fresh`` is found. Anything else must fit.

    Raises:
        CheckpointError: the file is missing or corrupt, or tensors are missing, unexpected or misshapen.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file of weights")
    try:
        tensors = load_file(path)
        with safe_open(path, framework="pt") as file:
            head = (file.metadata() or {}).get(HEAD)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file: {error}") from error
    assign_weights(model, tensors, str(path), head, fresh)


def assign_weights(
    model: nn.Module,
    tensors: Mapping[str, Tensor],
    source: str,
    head: str | None = None,
    fresh: str | None = None,
    absent: Collection[str] = (),
) -> None:
    """Copy ``tensors``, those of a reader with the reranker ``head``, under the rules of ``load_weights``.

    Parameters named in ``absent`` keep their initial values where the source has none for them. What a memory has
    learned besides parameters goes into memory that learns the same, and is else left out.
    """
    parameters = dict(model.named_parameters())
    learned = {name: tensor for name, tensor in tensors.items() if _in(MEMORY, name) and name not in parameters}
    tensors = {name: tensor for name, tensor in tensors.items() if name not in learned}
    for table, other in ((_MEMORY_TABLE, LIVE_TABLE), (LIVE_TABLE, _MEMORY_TABLE)):
        if table in parameters and table not in tensors and other in tensors:
            tensors[table] = tensors[other]
    same_head = head == head_of(model) and _head_shapes(tensors) == _head_shapes(parameters)

    def stays(name: str) -> bool:
        return (not same_head and _in(HEAD, name)) or (fresh is not None and re.search(fresh, name) is not None)

    tensors = {name: tensor for name, tensor in tensors.items() if not stays(name)}
    lacking = [name for name in parameters if name not in tensors]
    initial = [name for name in lacking if stays(name) or name in _OF_ANY_HEAD or name in absent]
    optional = (_MEMORY_TABLE, LIVE_TABLE, *_OF_ANY_HEAD)
    faults = {
        "missing": [name for name in lacking if name not in initial],
        "unexpected": [name for name in tensors if name not in parameters and name not in optional],
        "misshapen": [
            f"{name} {tuple(tensors[name].shape)} instead of {tuple(p.shape)}"
            for name, p in parameters.items()
            if name in tensors and tensors[name].shape != p.shape
        ],
    }
    if any(faults.values()):
        problems = "; ".join(f"{label}: {listed(names)}" for label, names in faults.items() if names)
        raise CheckpointError(f"{source} does not fit this reader: {problems}")
    with torch.no_grad():
        for name, tensor in tensors.items():
            if name in parameters:
                parameters[name].copy_(tensor)
        memory = learned_of(model)
        if _shapes(learned) == _shapes(memory):
            for name, tensor in learned.items():
                memory[name].copy_(tensor)
        elif learned:
            log.info("what the memory of %s has learned is not this reader's: %s", source, listed([*learned]))
    if initial:
        log.info("from %s come no weights for %s: they keep their initial values", source, listed(initial))


def head_of(model: nn.Module) -> str | None:
    """The registered name of the model's reranker head; None where it has none."""
    reranker = getattr(model, HEAD, None)
    return reranker.config.name if isinstance(reranker, Reranker) else None


def learned_of(model: nn.Module) -> dict[str, Tensor]:
    """What the model's memory has learned besides parameters, by name: the tensors themselves."""
    return {name: buffer for name, buffer in model.named_buffers() if _in(MEMORY, name)}


def without_memory(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What is not the memory's own: for a reader of the same parts, but with memory of another kind."""
    return {name: tensor for name, tensor in tensors.items() if not _in(MEMORY, name)}


def _in(part: str, name: str) -> bool:
    return name.startswith(f"{part}.")


def _head_shapes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    """The shapes of what is the head's own."""
    return _shapes({name: t for name, t in tensors.items() if _in(HEAD, name) and name not in _OF_ANY_HEAD})


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
