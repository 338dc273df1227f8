"""Compose a run's configuration from the Hydra tree: ``experiment=glimmer reranker=max_sim trainer.steps=500``."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra import compose, initialize_config_module
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from glimmer.config.explain import Choices, explain
from glimmer.config.load import load_run_config
from glimmer.config.schema import RunConfig
from glimmer.config.store import prepare_hydra
from glimmer.errors import ConfigError

CONFIG_MODULE = "glimmer.config"
CONFIG_NAME = "config"


def compose_run(overrides: Sequence[str]) -> RunConfig:
    """Compose and check a run's configuration.

    Raises:
        GlimmerError: an override that Hydra refuses, or a configuration that cannot work.
    """
    return load_run_config(compose_mapping(overrides))


def compose_mapping(overrides: Sequence[str]) -> dict[str, Any]:
    """Compose the configuration as plain types, every interpolation resolved.

    Raises:
        GlimmerError: an override that Hydra refuses, or a broken plug-in; one line that names the nearest choice.
    """
    prepare_hydra(user_dir_of(overrides))
    with readable_errors(overrides), _hydra():
        return to_mapping(compose(CONFIG_NAME, overrides=list(overrides)))


def to_mapping(composed: DictConfig) -> dict[str, Any]:
    """What Hydra composed, as plain types with every interpolation resolved.

    Raises:
        OmegaConfBaseException: an interpolation that leads nowhere.
    """
    mapping: dict[str, Any] = OmegaConf.to_container(composed, resolve=True)  # type: ignore[assignment]
    return mapping


def user_dir_of(overrides: Sequence[str]) -> str | None:
    """The plug-in folder that the overrides name: it must be imported before anything can be composed.

    Raises:
        ConfigError: ``user_dir`` is swept over.
    """
    values = [item.split("=", 1)[1].strip("'\"") for item in overrides if item.lstrip("+").startswith("user_dir=")]
    if not values or values[-1] in ("", "null"):
        return None
    if "," in values[-1]:
        raise ConfigError(f"user_dir={values[-1]}: all runs of a sweep share one user_dir")
    return values[-1]


@contextmanager
def readable_errors(overrides: Sequence[str]) -> Iterator[None]:
    """Turn what Hydra and OmegaConf raise into one line that names the key and the nearest valid one."""
    try:
        yield
    except YAMLError as error:
        raise ConfigError(" ".join(str(error).split())) from error
    except (HydraException, OmegaConfBaseException) as error:
        with _hydra() as loader:
            raise explain(error, Choices(loader, CONFIG_NAME, overrides)) from error


@contextmanager
def _hydra() -> Iterator[ConfigLoader]:
    GlobalHydra.instance().clear()
    with initialize_config_module(CONFIG_MODULE, version_base="1.3"):
        yield GlobalHydra.instance().config_loader()
