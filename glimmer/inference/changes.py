"""What a trained run is used with in place of what it was trained with: other numbers, folders and options."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from glimmer.config.check import check_layers
from glimmer.config.compose import to_mapping
from glimmer.config.load import load_component, load_run_config
from glimmer.config.schema import RunConfig
from glimmer.data.files import content_hash
from glimmer.errors import ConfigError, suggest
from glimmer.memory import MEMORIES

PARTS = ("collator", "data", "generation", "selector", "tasks")
"""Parts of a run that its weights do not depend on, so that options of theirs may be other ones."""

MEMORY_KEYS = ("memory.cache_bytes", "memory.verify")
"""Options that some memories have and that decide nothing of what they give."""


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Changes to a run's configuration; the default changes nothing."""

    passages: int | None = None
    """Candidates of a question."""
    kept: int | None = None
    """Candidates that the selector keeps."""
    data: Path | str | None = None
    """Folder of the corpus."""
    memory: Path | str | None = None
    """Memory store to read passages from."""
    overrides: Sequence[str] = ()
    """``KEY=VALUE`` for options of ``PARTS`` and for ``MEMORY_KEYS``; a value is YAML, in place of what was there."""

    def apply(self, config: RunConfig) -> RunConfig:
        """The changed configuration.

        Raises:
            ConfigError: a key or a value cannot work, or cannot be changed after training.
        """
        values = _values(self.overrides)
        config = _overridden(config, [(key, value) for key, value in values if key not in MEMORY_KEYS])
        if self.data is not None:
            config = replace(config, data=replace(config.data, dir=str(self.data)))
        if self.memory is not None:
            config = replace(config, memory=MEMORIES.configure("stored", path=str(self.memory)))
            check_layers(config)
        config = _reading(config, {key: value for key, value in values if key in MEMORY_KEYS})
        if self.passages is not None:
            if self.passages < 1:
                raise ConfigError(f"the number of passages must be at least 1, found {self.passages}")
            config = replace(config, data=replace(config.data, retrieved=max(self.passages, config.data.retrieved)))
        return config if self.kept is None else self._keeping(config, self.kept)

    def parts(self, before: RunConfig, after: RunConfig) -> list[str]:
        """What ``apply`` made of ``before``, as parts of file names."""
        parts = []
        if self.passages not in (None, before.collator.passages or before.data.retrieved):
            parts.append(f"passages{self.passages}")
        if self.kept not in (None, getattr(before.selector, "kept", None)):
            parts.append(f"kept{self.kept}")
        for kind, old, new in (
            ("data", before.data.dir, after.data.dir if self.data is not None else None),
            ("memory", getattr(before.memory, "path", None), getattr(after.memory, "path", None)),
        ):
            if new is not None and (old is None or Path(new).resolve() != Path(old).resolve()):
                where = Path(new).resolve()
                parts.append(f"{kind}-{where.name}-{content_hash(str(where))[:4]}")  # others may have that name too
        for override in self.overrides:
            name = re.sub(r"[^\w.=-]+", "_", override)
            parts.append(name if name == override and len(name) < 60 else f"{name[:40]}-{content_hash(override)[:4]}")
        return parts

    def _keeping(self, config: RunConfig, kept: int) -> RunConfig:
        selector = config.selector
        if "kept" not in {item.name for item in fields(selector)}:
            raise ConfigError(
                f"the run's selector {selector.name!r} has no number of kept passages; change the number of passages"
            )
        config = replace(config, selector=replace(selector, kept=kept))  # type: ignore[call-arg]
        candidates = self.passages or config.collator.passages or config.data.retrieved
        if kept > candidates:
            raise ConfigError(
                f"kept = {kept} is more than the {candidates} passages that a question gets; "
                f"keep at most {candidates}, or give more passages"
            )
        return config


def _values(overrides: Sequence[str]) -> list[tuple[str, Any]]:
    """The keys and their values.

    Raises:
        ConfigError: one is not ``KEY=VALUE``.
    """
    values = []
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise ConfigError(f"{override!r}: expected KEY=VALUE, such as generation.beams=4")
        values.append((key, _value(key, text)))
    return values


def _overridden(config: RunConfig, values: Sequence[tuple[str, Any]]) -> RunConfig:
    if not values:
        return config
    mapping = asdict(config)
    for key, value in values:
        if key.split(".")[0] not in PARTS:
            raise _fixed(key)
        _put(mapping, key, value)
    return load_run_config(mapping)


def _reading(config: RunConfig, values: Mapping[str, Any]) -> RunConfig:
    """The same with other values of ``MEMORY_KEYS``."""
    if not values:
        return config
    options = {key.removeprefix("memory."): value for key, value in values.items()}
    for option in options.keys() - {item.name for item in fields(config.memory)}:
        raise ConfigError(f"memory.{option}: the run's memory {config.memory.name!r} has no such option")
    return replace(config, memory=load_component(MEMORIES, asdict(config.memory) | options, "memory"))


def _fixed(key: str) -> ConfigError:
    return ConfigError(
        f"{key} cannot be changed in a trained run; change an option of {', '.join(PARTS[:-1])} or {PARTS[-1]} "
        f"(where the memory has it, {' or '.join(MEMORY_KEYS)} too), or train another run"
    )


def _value(key: str, text: str) -> Any:
    """The value that ``text`` is in YAML."""
    try:
        return to_mapping(OmegaConf.from_dotlist([f"value={text}"]))["value"]
    except (OmegaConfBaseException, ValueError) as error:
        raise ConfigError(f"{key}={text}: {' '.join(str(error).split())}") from error


def _put(mapping: dict[str, Any], key: str, value: Any) -> None:
    """Set ``key``, whose parts must all be there but the last of a mapping of components."""
    *path, last = key.split(".")
    here: Any = mapping
    for number, name in enumerate(path):
        if not isinstance(here, Mapping) or name not in here:
            before = ".".join(path[:number])
            known = here if isinstance(here, Mapping) else {}
            raise ConfigError(f"unknown key {'.'.join(path[: number + 1])}; in {before}: {suggest(name, known)}")
        here = here[name]
    if not isinstance(here, dict):
        raise ConfigError(f"unknown key {key}: {'.'.join(path)} holds no options")
    here[last] = value
