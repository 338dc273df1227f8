"""Registries: every kind of component under a name, with the dataclass that configures it.

A component is registered by a decorator, inside the package or outside it::

    @register_reranker("first_token", FirstTokenConfig)
    class FirstTokenReranker(Reranker): ...

and built from its configuration by ``RERANKERS.build(config, width=768)``, which calls the class with the
configuration first and whatever else that kind of component is given.
"""

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from glimmer.errors import RegistryError, suggest
from glimmer.options import Options, option

T = TypeVar("T")
C = TypeVar("C", bound=type)


@dataclass(kw_only=True)
class ComponentConfig(Options):
    """Base of every component's configuration; ``name`` is filled in by the registry, never by the author."""

    name: str = option("", "The registered name of the component")


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One registered component."""

    kind: str
    name: str
    component: type[T]
    config: type[ComponentConfig]

    @property
    def summary(self) -> str:
        """The first line of the component's docstring."""
        return (inspect.getdoc(self.component) or "").split("\n", 1)[0]

    @property
    def source(self) -> str:
        """Where the component is defined, as ``module (file:line)``."""
        return _location(self.component)


class Registry(Generic[T]):
    """The components of one kind, by name.

    ``base`` is the class that every component of this kind extends; ``kind`` is its name in messages, in the
    configuration tree and in ``glimmer components``.
    """

    kinds: dict[str, "Registry[Any]"] = {}  # noqa: RUF012 - the one table of all registries, by kind

    def __init__(self, kind: str, base: type[T]) -> None:
        self.kind = kind
        self.base = base
        self._entries: dict[str, Entry[T]] = {}
        Registry.kinds[kind] = self

    def register(self, name: str, config: type[ComponentConfig] = ComponentConfig) -> Callable[[C], C]:
        """Return the decorator that registers a class as ``name`` with its configuration dataclass.

        Raises:
            RegistryError: the name is taken, or the class or its configuration is of the wrong kind.
        """

        def decorate(component: C) -> C:
            if not issubclass(cast(type, component), self.base):
                raise RegistryError(f"{_location(component)}: a {self.kind} must extend {self.base.__name__}")
            if not (dataclasses.is_dataclass(config) and issubclass(config, ComponentConfig)):
                raise RegistryError(
                    f"{_location(config)}: the configuration of a {self.kind} must be a dataclass "
                    f"that extends ComponentConfig"
                )
            if name in self._entries:
                raise RegistryError(
                    f"two components register as {self.kind} {name!r}: "
                    f"{self._entries[name].source} and {_location(component)}; rename one of them"
                )
            self._entries[name] = Entry(self.kind, name, component, _named(config, name))
            return component

        return decorate

    def __getitem__(self, name: str) -> Entry[T]:
        """Return the entry called ``name``.

        Raises:
            RegistryError: there is none; the message lists what exists and the nearest name.
        """
        if name not in self._entries:
            raise RegistryError(f"unknown {self.kind} {name!r}; {suggest(name, self._entries)}")
        return self._entries[name]

    def __iter__(self) -> Iterator[Entry[T]]:
        return iter(sorted(self._entries.values(), key=lambda entry: entry.name))

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def configure(self, name: str, **options: Any) -> Any:
        """Return the configuration of the component ``name`` with ``options`` set (for use from Python)."""
        return self[name].config(**options)

    def build(self, config: ComponentConfig, *args: Any, **kwargs: Any) -> T:
        """Build the component that ``config`` names: ``component(config, *args, **kwargs)``."""
        make: Callable[..., T] = self[config.name].component
        return make(config, *args, **kwargs)


_named_classes: dict[tuple[type[ComponentConfig], str], type[ComponentConfig]] = {}


def _named(config: type[ComponentConfig], name: str) -> type[ComponentConfig]:
    """The configuration class derived from ``config`` whose ``name`` defaults to ``name``."""
    if (config, name) in _named_classes:
        return _named_classes[config, name]
    named = dataclasses.make_dataclass(
        config.__name__,
        [("name", str, option(name, "The registered name of the component"))],
        bases=(config,),
        # Its module knows the class that it derives from alone, so pickle must be told how to find it.
        namespace={"__reduce__": lambda self: (_restore, (config, name, dict(vars(self))))},
        kw_only=True,
    )
    named.__module__ = config.__module__
    named.__doc__ = config.__doc__
    _named_classes[config, name] = named
    return named


def _restore(config: type[ComponentConfig], name: str, options: dict[str, Any]) -> ComponentConfig:
    """Undo the pickling of a configuration of a registered component."""
    restored: ComponentConfig = object.__new__(_named(config, name))
    vars(restored).update(options)
    return restored


def _location(item: type) -> str:
    try:
        file = Path(inspect.getsourcefile(item) or "?").name
        line = inspect.getsourcelines(item)[1]
    except (OSError, TypeError):
        return f"{item.__module__}.{item.__qualname__}"
    return f"{item.__module__}.{item.__qualname__} ({file}:{line})"
