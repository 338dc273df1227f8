"""Whether a checkpoint's tensors and sizes are those that are expected, in one line that names all that are not."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from glimmer.data.hub import CONFIG
from glimmer.errors import CheckpointError
from glimmer.models.weights import listed

Shapes = Mapping[str, tuple[int, ...]]


def require_tensors(folder: Path, kind: str, expected: Shapes, found: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are not those of the ``kind`` of model that ``config.json`` describes.

    Raises:
        CheckpointError: tensors are missing, unexpected or misshapen.
    """
    faults = {
        "missing": [name for name in expected if name not in found],
        "unexpected": [name for name in found if name not in expected],
        "misshapen": [
            f"{name} {tuple(found[name].shape)} instead of {shape}"
            for name, shape in expected.items()
            if name in found and tuple(found[name].shape) != shape
        ],
    }
    if any(faults.values()):
        problems = "; ".join(f"{label}: {listed(names)}" for label, names in faults.items() if names)
        raise CheckpointError(f"{folder} is not the {kind} that its {CONFIG} describes: {problems}")


def require_options(folder: Path, options: Iterable[tuple[str, Any, Any]]) -> None:
    """Refuse a reader of other sizes, given every option's key, our value and theirs.

    Raises:
        CheckpointError: names the options that differ, as they are to be set.
    """
    wrong = [(key, ours, theirs) for key, ours, theirs in options if ours != theirs]
    if wrong:
        said = ", ".join(f"{key} = {theirs} and not {ours}" for key, ours, theirs in wrong)
        settings = " ".join(f"{key}={str(theirs).lower()}" for key, _, theirs in wrong)
        raise CheckpointError(f"{folder / CONFIG} has other sizes than this reader: {said}; set {settings}")
