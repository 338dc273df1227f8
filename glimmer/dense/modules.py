"""What a folder in sentence-transformers' layout says of the vectors that its encoder was trained to make."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from glimmer.data.files import read_json
from glimmer.errors import CheckpointError, DataError
from glimmer.models.huggingface.tensors import open_tensors

MODULES = "modules.json"
POOLING, PROJECTION = "1_Pooling", "2_Dense"
"""Where the modules stand by custom, should ``modules.json`` be missing."""
ORDERS = (("Pooling",), ("Pooling", "Normalize"), ("Pooling", "Dense"), ("Pooling", "Dense", "Normalize"))
"""What may stand behind the encoder."""
LENGTH = "sentence_bert_config.json"
WEIGHT = "linear.weight"
MODE = "pooling_mode"
MODES = {"mean_tokens": "mean", "cls_token": "first", "mean": "mean", "cls": "first"}
"""Their words → ours: ``pooling_mode_WORD: true`` in older files, ``pooling_mode: WORD`` in newer ones."""


@dataclass(frozen=True)
class VectorHead:
    """How a text's vector comes from the encoder's states; None = the folder does not say."""

    pooling: str | None = None
    projection: Tensor | None = None
    normalise: bool | None = None
    tokens: int | None = None
    """The longest text, framing included."""


def read_modules(folder: Path, width: int) -> VectorHead:
    """Read what stands behind an encoder of ``width``, in a folder that may say nothing of it.

    Raises:
        CheckpointError: a module is damaged or of a kind that cannot be built here, or its sizes do not fit.
    """
    places = _places(folder)
    pooling = _pooling(folder / places["Pooling"]) if "Pooling" in places else None
    projection = _projection(folder / places["Dense"], width) if "Dense" in places else None
    normalise = "Normalize" in places if (folder / MODULES).exists() else None
    return VectorHead(pooling, projection, normalise, _tokens(folder / LENGTH))


def _places(folder: Path) -> dict[str, str]:
    """The folder of every module, by kind."""
    path = folder / MODULES
    if not path.exists():
        custom = {"Pooling": POOLING, "Dense": PROJECTION}
        return {kind: name for kind, name in custom.items() if (folder / name).is_dir()}
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        found = [(str(item["type"]).rpartition(".")[2], str(item["path"])) for item in listed]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{path}: expected a list of modules with type and path: {error}") from None
    kinds = tuple(kind for kind, _ in found)
    if kinds[:1] != ("Transformer",) or kinds[1:] not in ORDERS:
        known = "; ".join(", ".join(order) for order in ORDERS)
        raise CheckpointError(f"{path}: expected Transformer, then one of: {known}; found {', '.join(kinds) or 'none'}")
    return dict(found[1:])


def _pooling(folder: Path) -> str:
    path = folder / "config.json"
    said = _json(path, "how states are pooled")
    words = [key.removeprefix(f"{MODE}_") for key, value in said.items() if key.startswith(f"{MODE}_") and value]
    words = [str(said[MODE])] if MODE in said else words
    if len(words) != 1 or words[0] not in MODES:
        found = ", ".join(words) or "none"
        raise CheckpointError(f"{path}: expected one way of pooling, mean_tokens or cls_token, found {found}")
    return MODES[words[0]]


def _projection(folder: Path, width: int) -> Tensor:
    said = _json(folder / "config.json", "the linear map behind the pooling")
    if said.get("bias") or not str(said.get("activation_function", "Identity")).endswith("Identity"):
        raise CheckpointError(f"{folder / 'config.json'}: expected no bias and no activation, as GTR has it")
    tensors = open_tensors(folder)
    shape = (said.get("out_features"), width)
    if tensors.keys() != {WEIGHT} or tuple(tensors[WEIGHT].shape) != shape:
        found = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items())
        raise CheckpointError(f"{folder}: expected {WEIGHT} {shape}, found {found or 'nothing'}")
    return tensors[WEIGHT]


def _tokens(path: Path) -> int | None:
    if not path.exists():
        return None
    tokens = _json(path, "the length of texts").get("max_seq_length")
    if tokens is not None and (not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 2):
        raise CheckpointError(f"{path}: max_seq_length is {tokens!r}; expected a whole number of at least 2")
    return tokens


def _json(path: Path, expected: str) -> Mapping[str, Any]:
    try:
        return read_json(path, expected)
    except DataError as error:
        raise CheckpointError(str(error)) from None
