"""Folders in Hugging Face's layout: on this machine, or from its hub where a configuration names one there."""

from fnmatch import fnmatch
from pathlib import Path

from glimmer.errors import ConfigError, DataError

HUB = "hf:"
WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")
"""Two kinds that hold the same; of a model's own, the first that the hub has is fetched."""
WANTED = ("*.json", "*.model", *(f"*/{kind}" for kind in WEIGHTS))
"""Configuration, tokenizer, and weights of further modules in folders of their own."""


def resolve_folder(source: str) -> Path | None:
    """The folder that ``source`` names: one that is there, or ``hf:OWNER/NAME[@REVISION]``; None where it is none.

    The hub is asked for a name alone that begins with ``hf:``; what was fetched once is taken from the hub's own cache.

    Raises:
        ConfigError: the hub is asked for, and the package for it is not installed.
        DataError: the hub cannot be reached, or has no such model.
    """
    if not source.startswith(HUB):
        path = Path(source)
        return path if path.is_dir() else None
    try:
        from huggingface_hub import list_repo_files, snapshot_download
    except ImportError as error:
        raise ConfigError(f"{source}: needs the extra 'hub' (pip install 'glimmer[hub]'): {error}") from None
    name, _, revision = source.removeprefix(HUB).partition("@")
    try:
        there = list_repo_files(name, revision=revision or None)
        weights = next((kind for kind in WEIGHTS if any(fnmatch(file, kind) for file in there)), WEIGHTS[0])
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=[*WANTED, weights]))
    except Exception as error:  # the library raises errors of several others
        reason = str(error).strip().split("\n", 1)[0]
        raise DataError(f"{source}: cannot be fetched from the hub: {reason}") from error
