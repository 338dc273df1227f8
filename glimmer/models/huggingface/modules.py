"""The modules that sentence-transformers' layout puts behind an encoder, each in a folder of its own."""

from pathlib import Path
from typing import Any

from glimmer.data.files import read_json
from glimmer.errors import CheckpointError, DataError

POOLING, DENSE = "1_Pooling", "2_Dense"
"""Their folders."""


def require_mean_pooling(folder: Path, kind: str) -> None:
    """Refuse a model that does not take the mean of all tokens.

    Raises:
        CheckpointError: it pools in another way, or does not say how.
    """
    path = folder / POOLING / "config.json"
    pooling = read_module(path, f"how {kind} pools")
    others = [key for key, value in pooling.items() if key.startswith("pooling_mode_") and value is True]
    if not pooling.get("pooling_mode_mean_tokens", pooling.get("pooling_mode") == "mean") or len(others) > 1:
        raise CheckpointError(f"{path}: expected the mean of all tokens alone, as {kind} pools")


def read_module(path: Path, expected: str) -> dict[str, Any]:
    """The configuration of a module behind the encoder.

    Raises:
        CheckpointError: it is missing or broken.
    """
    try:
        return read_json(path, expected)
    except DataError as error:
        raise CheckpointError(str(error)) from None
