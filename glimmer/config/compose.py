"""Compose a run's configuration from the Hydra tree: ``experiment=glimmer reranker=max_sim trainer.steps=500``."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from glimmer.config.load import COLLECTIONS, COMPONENTS, OPTIONS, load_run_config
from glimmer.config.schema import RunConfig
from glimmer.data.collection import DataConfig
from glimmer.errors import ConfigError

CONFIG_MODULE = "glimmer.config"
CONFIG_NAME = "config"

GROUPS = {"tasks": "task", "criterions": "criterion", "callbacks": "callback"}
"""Part of a run that holds several components → the group they are chosen from."""


def store_schemas() -> None:
    """Offer every registered component to Hydra under its kind and name, with its options and their defaults.

    A plug-in needs no file of its own: once it is registered, ``reranker=its_name`` finds it here.
    """
    store = ConfigStore.instance()
    for kind, registry in COMPONENTS.items():
        for entry in registry:
            store.store(group=kind, name=entry.name, node=_plain(entry.config), provider="glimmer")
    for part, group in GROUPS.items():
        registry = COLLECTIONS[part]
        for entry in registry:
            package = f"{part}.{entry.name}"
            store.store(group=group, name=entry.name, node=_plain(entry.config), package=package, provider="glimmer")
    for key, cls in OPTIONS.items():
        store.store(group="options", name=key, node=_plain(cls), package=key, provider="glimmer")
    store.store(group="options", name="data", node=_data(), package="data", provider="glimmer")


def compose_run(overrides: Sequence[str]) -> RunConfig:
    """Compose and check a run's configuration.

    Raises:
        GlimmerError: an override that Hydra refuses, or a configuration that cannot work.
    """
    return load_run_config(compose_mapping(overrides))


def compose_mapping(overrides: Sequence[str]) -> Mapping[str, Any]:
    """Compose the configuration as plain types, every interpolation resolved.

    Raises:
        ConfigError: an override that Hydra refuses; the message is Hydra's, in one line.
    """
    store_schemas()
    GlobalHydra.instance().clear()
    try:
        with initialize_config_module(CONFIG_MODULE, version_base="1.3"):
            composed = compose(CONFIG_NAME, overrides=list(overrides))
        mapping: dict[str, Any] = OmegaConf.to_container(composed, resolve=True)  # type: ignore[assignment]
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(" ".join(str(error).split())) from error
    return mapping


def _plain(cls: type) -> dict[str, Any]:
    """The defaults of a configuration dataclass as plain types; ``load_run_config`` brings the types back."""
    values: dict[str, Any] = {}
    for item in dataclasses.fields(cls):
        if item.default is not dataclasses.MISSING:
            values[item.name] = item.default
        elif item.default_factory is not dataclasses.MISSING:
            values[item.name] = _as_plain(item.default_factory())
        else:
            values[item.name] = "???"
    return values


def _as_plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, list | tuple):
        return [_as_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _as_plain(item) for key, item in value.items()}
    return value


def _data() -> dict[str, Any]:
    return {str(key): value for key, value in dataclasses.asdict(DataConfig()).items()}
