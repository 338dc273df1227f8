"""Offer every registered component to Hydra, so that ``reranker=my_head`` works as soon as it is registered."""

import dataclasses
import re
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from glimmer.config.load import COLLECTIONS, COMPONENTS, OPTIONS
from glimmer.data.collection import DataConfig
from glimmer.errors import RegistryError
from glimmer.plugins import config_folders, load_plugins
from glimmer.registry import Registry
from glimmer.retrieval import RETRIEVERS

SCHEMA = "schema"
"""Group of the bare defaults, which the YAML file of the same name extends."""


GROUPS: dict[str, Registry[Any]] = {**COMPONENTS, **COLLECTIONS, "retriever": RETRIEVERS}
"""Where in a run's configuration → the registry whose kind names the group that is chosen from."""


class PluginSearchPath(SearchPathPlugin):
    """Has Hydra look for YAML files in the plug-ins' folders too, after the package's own."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Add the folders."""
        for folder in config_folders():
            search_path.append("plug-in", f"file://{folder}")


def prepare_hydra(user_dir: str | None = None) -> None:
    """Import the plug-ins and offer everything registered to Hydra.

    A component's defaults go to ``schema/KIND/NAME``, for a YAML file to extend, and to ``KIND/NAME`` where there is
    no such file. They are plain values: types are checked once, by ``load_run_config``.

    Raises:
        RegistryError: a plug-in cannot be imported, or brings a YAML file that is there already.
    """
    load_plugins(user_dir)
    _check_files()
    Plugins.instance().register(PluginSearchPath)
    # For the help text, whose list by Hydra would hold the schema groups too.
    OmegaConf.register_new_resolver("glimmer.choices", _choices_text, replace=True)
    store = ConfigStore.instance()
    for package, registry in GROUPS.items():
        for entry in registry:
            node = plain_defaults(entry.config)
            store.store(group=f"{SCHEMA}/{entry.kind}", name=entry.name, node=node, provider="glimmer")
            if not _has_file(entry.kind, entry.name):
                at = f"{package}.{entry.name}" if package in COLLECTIONS else package
                store.store(group=entry.kind, name=entry.name, node=node, package=at, provider="glimmer")
    run = {key: plain_defaults(cls) for key, cls in OPTIONS.items()}
    # The retrievers come from their own group, so that one can be replaced by another with other options.
    run["data"] = plain_defaults(DataConfig) | {"retrievers": {}}
    run |= {key: {} for key in COLLECTIONS}
    store.store(group=SCHEMA, name="run", node=run, package="_global_", provider="glimmer")


def choices() -> dict[str, list[str]]:
    """Every group with the names in it: what is registered, and the YAML files."""
    groups = {registry.kind: {entry.name for entry in registry} for registry in GROUPS.values()}
    for file in files():
        groups.setdefault(file.group, set()).add(file.name)
    return {group: sorted(names) for group, names in sorted(groups.items())}


@dataclass(frozen=True, order=True)
class ChoiceFile:
    """A YAML file that can be chosen, by ``group=name``."""

    group: str
    name: str
    path: Path


def files() -> list[ChoiceFile]:
    """The YAML files that can be chosen, the package's own and the plug-ins'.

    They are ``GROUP/NAME.yaml``, and ``experiment/FOLDER/NAME.yaml`` for ``experiment=FOLDER/NAME``; what lies deeper
    is part of others.
    """
    return sorted(
        ChoiceFile(group, "/".join(rest).removesuffix(".yaml"), file)
        for folder in _folders()
        for pattern in ("*/*.yaml", "experiment/*/*.yaml")
        for file in folder.glob(pattern)
        for group, *rest in [file.relative_to(folder).parts]
    )


def summary_of(file: Path) -> str:
    """The first sentence of a YAML file's comment; commands, which stand indented in it, are left out."""
    lines = file.read_text(encoding="utf-8").splitlines()
    comment = takewhile(lambda line: re.match("# [^ ]", line), (line for line in lines if "@package" not in line))
    return re.split(r"(?<=[.;])\s", " ".join(line.removeprefix("# ") for line in comment))[0].rstrip(":;")


def _choices_text() -> str:
    return "\n".join(f"  {group}: {', '.join(names)}" for group, names in choices().items())


def _folders() -> list[Path]:
    return list(dict.fromkeys(folder.resolve() for folder in (Path(__file__).parent, *config_folders())))


def _check_files() -> None:
    """Refuse a second YAML file of a name: Hydra would read the first and never say so."""
    first: dict[str, Path] = {}
    for folder in _folders():
        for file in sorted(folder.rglob("*.yaml")):
            name = file.relative_to(folder).with_suffix("").as_posix()
            if name in first:
                raise RegistryError(f"two YAML files are {name}: {first[name]} and {file}; rename the second")
            first[name] = file


def _has_file(kind: str, name: str) -> bool:
    return any((folder / kind / f"{name}.yaml").exists() for folder in _folders())


def plain_defaults(cls: type) -> dict[str, Any]:
    """The defaults of a configuration dataclass as plain values; ``???`` where the user must give one."""
    values: dict[str, Any] = {}
    for item in dataclasses.fields(cls):
        if item.default is not dataclasses.MISSING:
            values[item.name] = item.default
        elif item.default_factory is not dataclasses.MISSING:
            values[item.name] = _plain(item.default_factory())
        else:
            values[item.name] = "???"
    return values


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
