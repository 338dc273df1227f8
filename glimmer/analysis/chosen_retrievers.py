"""The retrievers that are compared: the run's own, parts of them, or others of the configuration tree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from glimmer.config.compose import compose_run
from glimmer.config.schema import RunConfig
from glimmer.errors import ConfigError, suggest
from glimmer.inference.changes import Changes


@dataclass(frozen=True)
class ChosenRetriever:
    """A retriever as a user names it."""

    choice: str
    """A place under ``data.retrievers``, such as ``default.of.dense``, or a name of the group ``retriever``."""
    changes: Sequence[str] = ()
    """``KEY=VALUE`` for options of it."""

    def resolve(self, config: RunConfig) -> Any:
        """Its configuration.

        Raises:
            ConfigError: there is no such place, name or option.
        """
        own = config.data.retrievers
        if self.choice.split(".")[0] in own:
            found = _walk(own, self.choice)
        else:
            found = compose_run([f"retriever@data.retrievers.default={self.choice}"]).data.retrievers["default"]
        holding = replace(config, data=replace(config.data, retrievers={"default": found}))
        overrides = [f"data.retrievers.default.{change}" for change in self.changes]
        return Changes(overrides=overrides).apply(holding).data.retrievers["default"]


def _walk(retrievers: Mapping[str, Any], place: str) -> Any:
    here: Any = retrievers
    for number, name in enumerate(place.split(".")):
        inside = _options(here)
        if name not in inside:
            before = ".".join(place.split(".")[:number])
            raise ConfigError(f"data.retrievers.{before} has no {name!r}; {suggest(name, inside)}")
        here = inside[name]
    return here


def _options(value: Any) -> Mapping[str, Any]:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value if isinstance(value, Mapping) else {}
