"""From plain mappings (YAML, Hydra, a run's config.yaml) to the typed configuration of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException

import glimmer.criterions
import glimmer.dense
import glimmer.tasks  # noqa: F401 - registers the built-ins, as the lines above do
from glimmer.config.check import check
from glimmer.config.schema import RunConfig
from glimmer.criterions.base import CRITERIONS
from glimmer.data.collate import CollatorConfig
from glimmer.data.collection import DataConfig
from glimmer.data.tokenizers import TOKENIZERS
from glimmer.errors import ConfigError, RegistryError, suggest
from glimmer.memory import MEMORIES
from glimmer.models.base import MODELS
from glimmer.models.decoders import DECODERS
from glimmer.models.encoders import ENCODERS
from glimmer.models.generation import GenerationConfig
from glimmer.models.joins import JOINS
from glimmer.models.rerankers import RERANKERS
from glimmer.models.selectors import SELECTORS
from glimmer.options import OptionError
from glimmer.plugins import load_plugins
from glimmer.registry import Registry
from glimmer.tasks.base import TASKS
from glimmer.training.callbacks import CALLBACKS
from glimmer.training.config import TrainerConfig
from glimmer.training.optimizers import OPTIMIZERS
from glimmer.training.sampler import SamplerConfig
from glimmer.training.schedulers import LR_SCHEDULERS

C = TypeVar("C")

COMPONENTS: dict[str, Registry[Any]] = {
    "tokenizer": TOKENIZERS,
    "encoder": ENCODERS,
    "memory": MEMORIES,
    "join": JOINS,
    "reranker": RERANKERS,
    "selector": SELECTORS,
    "decoder": DECODERS,
    "model": MODELS,
    "optimizer": OPTIMIZERS,
    "lr_scheduler": LR_SCHEDULERS,
}
"""Parts of a run that are one component each."""

COLLECTIONS: dict[str, Registry[Any]] = {"tasks": TASKS, "criterions": CRITERIONS, "callbacks": CALLBACKS}
"""Parts of a run that are several components, each under a key of its own."""

OPTIONS: dict[str, type] = {
    "data": DataConfig,
    "collator": CollatorConfig,
    "sampler": SamplerConfig,
    "trainer": TrainerConfig,
    "generation": GenerationConfig,
}
"""Parts of a run that are plain options."""


def load_run_config(mapping: Mapping[str, Any]) -> RunConfig:
    """Build the typed configuration of a run and check it, after importing its plug-ins.

    Raises:
        ConfigError: a key is unknown or missing, a value is of the wrong type, or parts do not fit together; the
            message names the key.
        RegistryError: a component's name is unknown, or a plug-in cannot be imported.
    """
    known = [item.name for item in fields(RunConfig)]
    for key in mapping:
        if key not in known:
            raise ConfigError(f"unknown key {key!r}; {suggest(key, known)}")
    if missing := [key for key in known if key not in mapping]:
        raise ConfigError(f"the configuration lacks {', '.join(missing)}")
    parts: dict[str, Any] = vars(load_options(_Plain, {item.name: mapping[item.name] for item in fields(_Plain)}))
    load_plugins(parts["user_dir"])
    for key, registry in COMPONENTS.items():
        parts[key] = load_component(registry, mapping[key], key)
    for key, registry in COLLECTIONS.items():
        parts[key] = _components(registry, mapping[key], key)
    for key, cls in OPTIONS.items():
        parts[key] = load_options(cls, mapping[key], key)
    config = RunConfig(**parts)
    check(config)
    return config


def load_component(registry: Registry[Any], mapping: Mapping[str, Any], key: str) -> Any:
    """Build the configuration of the component that ``mapping["name"]`` names."""
    name = _mapping(mapping, key).get("name")
    if not isinstance(name, str):
        raise ConfigError(f"{key}.name is missing; expected the name of a registered {registry.kind}")
    if name not in registry:
        raise RegistryError(f"{key}: unknown {registry.kind} {name!r}; {suggest(name, [e.name for e in registry])}")
    return load_options(registry[name].config, mapping, key)


def load_options(cls: type[C], mapping: Mapping[str, Any], key: str = "") -> C:
    """Build the dataclass ``cls`` from ``mapping``; ``key`` is where it stands, for messages.

    Raises:
        ConfigError: an unknown key, a value of the wrong type, or whatever the dataclass itself refuses.
    """
    assert is_dataclass(cls)
    prefix = f"{key}." if key else ""
    metadata = {item.name: item.metadata for item in fields(cls)}
    given = dict(_mapping(mapping, key))
    for name in given:
        if name not in metadata:
            raise ConfigError(f"unknown key {prefix}{name}; {suggest(str(name), metadata)}")
    components: dict[str, Any] = {}
    for name, said in metadata.items():
        if said.get("components") is not None and name in given:
            components[name] = _components(Registry.kinds[said["components"]], given.pop(name), f"{prefix}{name}")
        elif said.get("component") is not None and given.get(name) is not None:
            components[name] = load_component(Registry.kinds[said["component"]], given.pop(name), f"{prefix}{name}")
    try:
        return _built(OmegaConf.merge(OmegaConf.structured(cls), given), key, components)  # type: ignore[no-any-return]
    except OmegaConfBaseException as error:
        raise _refused(error, prefix) from error


@dataclass(kw_only=True)
class _Plain:
    """The keys of a run that are no part of the picture."""

    run_dir: str
    seed: int
    user_dir: str | None


def _components(registry: Registry[Any], mapping: Any, key: str) -> dict[str, Any]:
    """The configurations of several components, each under a key of its own."""
    entries = _mapping(mapping, key).items()
    return {str(name): load_component(registry, value, f"{key}.{name}") for name, value in entries}


def _built(node: Any, key: str, components: Mapping[str, Any] | None = None) -> Any:
    """The dataclass, list, mapping or plain value that ``node`` holds; ``key`` is where it stands.

    ``components`` take the place of what ``node`` has for options of that name.
    """
    if isinstance(node, ListConfig):
        return [_built(item, f"{key}[{number}]") for number, item in enumerate(node)]
    if not isinstance(node, DictConfig) or node._is_none():
        return node
    prefix = f"{key}." if key else ""
    values = {str(name): _built(node[name], prefix + str(name)) for name in node}
    cls = OmegaConf.get_type(node)
    if cls is None or not is_dataclass(cls):
        return values
    try:
        return cls(**{**values, **(components or {})})
    except OptionError as error:
        raise error.under(key) from None


def _mapping(value: Any, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{key} must hold options by name, found {value!r:.60}")
    return value


def _refused(error: OmegaConfBaseException, prefix: str) -> ConfigError:
    """What OmegaConf refused, with the whole key; an option of a nested dataclass has a nearest one too."""
    key = prefix + (error.full_key or "")
    if isinstance(error, ConfigKeyError) and is_dataclass(error.object_type):
        return ConfigError(f"unknown key {key}; {suggest(str(error.key), [f.name for f in fields(error.object_type)])}")
    if isinstance(error, MissingMandatoryValue):
        return ConfigError(f"{key.rstrip('.')} has no value; it must be given")
    return ConfigError(f"{key.rstrip('.')}: {str(error.msg or error).splitlines()[0]}")
