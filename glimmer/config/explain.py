"""Say what is wrong with an override in one line, with the nearest valid choice."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra import compose
from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from glimmer.errors import ConfigError, GlimmerError, RegistryError, suggest
from glimmer.registry import Registry


class Choices:
    """What the user could have meant; used while Hydra is initialised with the tree ``config_name`` stands in."""

    def __init__(self, loader: ConfigLoader, config_name: str, overrides: Sequence[str]) -> None:
        self.loader, self.config_name, self.overrides = loader, config_name, overrides

    def options(self, group: str) -> list[str]:
        """The names in a group, those in its folders too, as ``FOLDER/NAME``."""
        inside = [(f"{folder}/", f"{group}/{folder}") for folder in self.loader.list_groups(group)]
        places = [("", group), *inside]
        return [
            f"{at}{name}" for at, place in places for name in self.loader.get_group_options(place, ObjectType.CONFIG)
        ]

    def groups(self) -> list[str]:
        """The groups that something is chosen from."""
        return [name for name in self.loader.list_groups("") if name not in ("hydra", "schema")]

    def keys(self, refused: str) -> Mapping[str, Any]:
        """The configuration without the overrides of the key ``refused``."""
        kept = [item for item in self.overrides if item.split("=", 1)[0].lstrip("+~") != refused]
        for overrides in (kept, []):
            try:
                composed = compose(self.config_name, overrides=overrides)
            except (HydraException, OmegaConfBaseException):
                continue  # another override is wrong too: the bare configuration must do
            return OmegaConf.to_container(composed)  # type: ignore[return-value]
        return {}


def explain(error: Exception, choices: Choices) -> GlimmerError:
    """The error that the user reads instead of Hydra's or OmegaConf's."""
    text = str(error)
    if isinstance(error, MissingConfigException) and (missing := re.search(r"Could not (?:find|load) '(.+)'", text)):
        group, _, name = missing[1].partition("/")
        if group not in choices.groups():
            group, _, name = missing[1].rpartition("/")
        kind = RegistryError if group in Registry.kinds else ConfigError
        return kind(f"unknown {group or 'configuration'} {name!r}; {suggest(name, choices.options(group))}")
    if refused := re.search(r"Could not (?:override|delete)[^']*'(.+?)'", text):
        if meant := re.search(r"Did you mean to override (\S+?)\?", text):
            return ConfigError(f"nothing is chosen at {refused[1]!r}; did you mean {meant[1]!r}?")
        if refused[1] not in choices.groups():
            # In `sampler={weights: {…}}` the refused key lies deeper than the override's.
            deeper = str(getattr(error.__cause__, "full_key", None))
            key = deeper if deeper.startswith(f"{refused[1]}.") else refused[1]
            return unknown_key(key, choices.keys(refused[1]), choices.groups())
    return ConfigError(_one_line(error))


def unknown_key(key: str, mapping: Mapping[str, Any], groups: list[str]) -> ConfigError:
    """The error for a key that the configuration has not: what stands beside it, and what is most like it."""
    *path, name = key.split(".")
    here: Any = mapping
    for i, part in enumerate(path):
        if not isinstance(here, Mapping) or part not in here:
            path, name = path[:i], part
            break
        here = here[part]
    siblings = list(here) if isinstance(here, Mapping) else []
    rest = ".".join(key.split(".")[len(path) + 1 :])
    # A group can only be chosen from (`task=…`); what lies deeper is a key of the configuration (`tasks.copying.…`).
    known = siblings if path or rest else sorted({*siblings, *groups})
    if not known:
        return ConfigError(f"unknown key {key!r}; {'.'.join(path)} is empty: add to it with +{key}=…")
    where = f"Known in {'.'.join(path)}: " if path else "Known: "
    if near := difflib.get_close_matches(name, known, n=1, cutoff=0.5):
        hint = f"did you mean {'.'.join(filter(None, [*path, near[0], rest]))!r}? "
    else:
        leaf = key.rsplit(".", 1)[-1]
        elsewhere = [other for other in _keys(mapping) if other.rsplit(".", 1)[-1] == leaf]
        hint = f"did you mean {' or '.join(map(repr, elsewhere))}? " if elsewhere else ""
    return ConfigError(f"unknown key {key!r}; {hint}{where}{', '.join(map(str, known))}")


def _keys(mapping: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in mapping.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _keys(value, f"{prefix}{key}.")


def _one_line(error: Exception) -> str:
    text = re.sub(r"See https?://\S+.*", "", str(error), flags=re.DOTALL)
    return " ".join(text.split())
