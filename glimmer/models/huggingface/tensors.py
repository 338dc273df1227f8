"""The tensors of a checkpoint's folder, in one file or several, memory-mapped: they take no memory of their own."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from glimmer.data.files import read_json
from glimmer.errors import CheckpointError, DataError

FILES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
"""Where a checkpoint's tensors stand; the first that is there counts."""


def open_tensors(folder: Path) -> dict[str, Tensor]:
    """Map every tensor of a checkpoint, by the name that the file has for it.

    They are views of the files, which must stay as they are while they are read. A ``.bin`` from before torch 1.6
    cannot be mapped, and is read as a whole.

    Raises:
        CheckpointError: there is no such file, or one is missing, damaged, or holds something else.
    """
    path = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if path is None:
        raise CheckpointError(f"{folder} holds no weights; expected {', '.join(FILES[:-1])} or {FILES[-1]}")
    if path.suffix != ".json":
        return open_file(path)
    tensors: dict[str, Tensor] = {}
    places = _index(path)
    for file in sorted(set(places.values())):
        found = open_file(folder / file)
        own = {name for name, place in places.items() if place == file}
        if lost := sorted(own - found.keys()):
            raise CheckpointError(f"{folder / file} lacks {', '.join(lost[:5])}, which {path.name} says it holds")
        tensors |= {name: found[name] for name in own}
    return tensors


def open_file(path: Path) -> dict[str, Tensor]:
    """Map the tensors of one file.

    Raises:
        CheckpointError: it is missing or damaged, or holds something else.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file of weights")
    try:
        return _open_safetensors(path) if path.suffix == ".safetensors" else _open_pickled(path)
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        reason = str(error).strip().split("\n", 1)[0] or type(error).__name__
        raise CheckpointError(f"{path}: damaged, truncated or no file of weights: {reason}") from None


def _open_safetensors(path: Path) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping


def _open_pickled(path: Path) -> dict[str, Tensor]:
    mapped = zipfile.is_zipfile(path)
    if mapped:
        with zipfile.ZipFile(path) as archive:  # torch does not compare the checksums of tensors
            if (broken := archive.testzip()) is not None:
                raise CheckpointError(f"{path}: damaged: the checksum of {broken} is wrong")
    found: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise CheckpointError(f"{path}: expected tensors by name, found something else")
    return found


def _index(path: Path) -> dict[str, str]:
    try:
        places = read_json(path, "the index of a sharded checkpoint").get("weight_map")
    except DataError as error:
        raise CheckpointError(str(error)) from None
    if not isinstance(places, dict) or not places:
        raise CheckpointError(f"{path}: weight_map is missing; expected the file of every tensor by name")
    for name, file in places.items():
        if not isinstance(file, str) or Path(file).name != file:
            raise CheckpointError(f"{path}: weight_map.{name} is {file!r}; expected the name of a file beside it")
    return places
