"""From plain mappings (YAML, Hydra, a run's config.yaml) to the typed configuration of a run."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

import glimmer.criterions
import glimmer.tasks  # noqa: F401 - registers the built-ins, as the line above does
from glimmer.config.schema import RunConfig
from glimmer.criterions.base import CRITERIONS
from glimmer.data.collate import CollatorConfig
from glimmer.data.collection import DataConfig
from glimmer.data.tokenizers import TOKENIZERS
from glimmer.errors import ConfigError, suggest
from glimmer.memory import MEMORIES
from glimmer.models.base import MODELS
from glimmer.models.decoders import DECODERS
from glimmer.models.encoders import ENCODERS
from glimmer.models.generation import GenerationConfig
from glimmer.models.joins import JOINS
from glimmer.models.rerankers import RERANKERS
from glimmer.models.selectors import SELECTORS
from glimmer.registry import Registry
from glimmer.retrieval import RETRIEVERS
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
    "collator": CollatorConfig,
    "sampler": SamplerConfig,
    "trainer": TrainerConfig,
    "generation": GenerationConfig,
}
"""Parts of a run that are plain options."""


def load_run_config(mapping: Mapping[str, Any]) -> RunConfig:
    """Build the typed configuration of a run.

    Raises:
        ConfigError: a key is unknown or missing, or a value is of the wrong type; the message names the key.
        RegistryError: a component's name is unknown.
    """
    known = [item.name for item in fields(RunConfig)]
    for key in mapping:
        if key not in known:
            raise ConfigError(f"unknown key {key!r}; {suggest(key, known)}")
    if missing := [key for key in known if key not in mapping]:
        raise ConfigError(f"the configuration lacks {', '.join(missing)}")
    parts: dict[str, Any] = {key: mapping[key] for key in ("run_dir", "seed", "user_dir")}
    parts["data"] = _data(mapping["data"])
    for key, registry in COMPONENTS.items():
        parts[key] = load_component(registry, mapping[key], key)
    for key, registry in COLLECTIONS.items():
        parts[key] = {name: load_component(registry, value, f"{key}.{name}") for name, value in mapping[key].items()}
    for key, cls in OPTIONS.items():
        parts[key] = load_options(cls, mapping[key], key)
    return RunConfig(**parts)


def load_component(registry: Registry[Any], mapping: Mapping[str, Any], key: str) -> Any:
    """Build the configuration of the component that ``mapping["name"]`` names."""
    if not isinstance(mapping, Mapping) or not isinstance(mapping.get("name"), str):
        raise ConfigError(f"{key}.name is missing; expected the name of a registered {registry.kind}")
    return load_options(registry[mapping["name"]].config, mapping, key)


def load_options(cls: type[C], mapping: Mapping[str, Any], key: str) -> C:
    """Build the dataclass ``cls`` from ``mapping``; ``key`` is where it stands, for messages.

    Raises:
        ConfigError: an unknown key, a value of the wrong type, or whatever the dataclass itself refuses.
    """
    assert is_dataclass(cls)
    known = [item.name for item in fields(cls)]
    for name in mapping:
        if name not in known:
            raise ConfigError(f"unknown key {key}.{name}; {suggest(str(name), known)}")
    try:
        loaded = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(cls), dict(mapping)))
    except OmegaConfBaseException as error:
        where = f"{key}.{error.full_key}" if error.full_key else key
        raise ConfigError(f"{where}: {str(error.msg or error).splitlines()[0]}") from error
    return loaded  # type: ignore[return-value]


def _data(mapping: Mapping[str, Any]) -> DataConfig:
    options = dict(mapping)
    retrievers = options.pop("retrievers", None)
    if retrievers is not None:
        options["retrievers"] = {
            name: load_component(RETRIEVERS, value, f"data.retrievers.{name}") for name, value in retrievers.items()
        }
    known = [item.name for item in fields(DataConfig)]
    for name in options:
        if name not in known:
            raise ConfigError(f"unknown key data.{name}; {suggest(name, known)}")
    return DataConfig(**options)
