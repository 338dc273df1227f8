"""Checkpoints: one file of tensors and plain types, written in one step, read without unpickling code.

``last.pt`` holds everything that a run needs to go on, ``best.pt`` the weights that evaluation chose. Both keep the
weights under ``model`` and the run's configuration under ``config``.
"""

import io
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from glimmer.data.files import write_bytes
from glimmer.errors import CheckpointError, WriteError

FORMAT = 1


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write ``state`` to ``path`` in one step (``write_bytes``).

    Raises:
        TypeError: something in ``state`` is neither a tensor nor a plain type (the message says where).
        CheckpointError: the file cannot be written.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **_compact(state, "checkpoint")}, buffer)
    try:
        write_bytes(path, buffer.getbuffer())
    except WriteError as error:
        raise CheckpointError(str(error)) from None


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a checkpoint.

    Raises:
        CheckpointError: the file is missing, damaged, or not a checkpoint of this format.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # torch.load does not compare the checksums of tensors
            if (broken := archive.testzip()) is not None:
                raise CheckpointError(f"{path}: damaged, or not a checkpoint: the checksum of {broken} is wrong")
        state = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        beside = sorted(p.name for p in path.parent.glob("*.pt")) if path.parent.is_dir() else []
        known = f"; that folder holds {', '.join(beside)}" if beside else ""
        raise CheckpointError(f"{path}: no such checkpoint{known}") from None
    except (OSError, RuntimeError, EOFError, ValueError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise CheckpointError(f"{path}: damaged, or not a checkpoint: {reason}") from None
    if not isinstance(state, dict) or "model" not in state or state.get("format") != FORMAT:
        found = state.get("format", "none") if isinstance(state, dict) else "none"
        raise CheckpointError(f"{path}: expected a checkpoint of format {FORMAT}, found format {found}")
    return state


def load_model_state(model: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Load weights that must fit exactly; lower-precision weights are widened.

    Raises:
        CheckpointError: names the tensors that are missing, unexpected or of another shape.
    """
    own = model.state_dict()
    faults = [
        ("missing", sorted(own.keys() - weights.keys())),
        ("unexpected", sorted(weights.keys() - own.keys())),
        (
            "of another shape",
            [
                f"{name} {list(weights[name].shape)} instead of {list(own[name].shape)}"
                for name in sorted(own.keys() & weights.keys())
                if own[name].shape != weights[name].shape
            ],
        ),
    ]
    if any(names for _, names in faults):
        listed = "; ".join(f"{kind}: {_listed(names)}" for kind, names in faults if names)
        raise CheckpointError(f"{source}: the weights are of another model: {listed}")
    model.load_state_dict(dict(weights))


def _compact(value: Any, place: str) -> Any:
    """Check that ``value`` is tensors and plain types all through; copy views, which would be saved whole."""
    if isinstance(value, Tensor):
        whole = value.detach()
        if whole.untyped_storage().nbytes() != whole.numel() * whole.element_size():
            whole = whole.clone()
        return whole
    if isinstance(value, Mapping):
        return {key: _compact(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_compact(item, f"{place}[{i}]") for i, item in enumerate(value))
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"{place} is a {type(value).__name__}; checkpoints hold tensors and plain types only")


def _listed(names: list[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
