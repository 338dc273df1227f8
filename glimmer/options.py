"""Options of a configuration: each one's type, default, help and allowed values, declared in one place.

::

    @dataclass(kw_only=True)
    class TopMConfig(ComponentConfig):
        kept: int = option(5, "m, the number of passages kept", least=1)
"""

import re
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, get_args

from glimmer.errors import ConfigError, suggest


class OptionError(ConfigError):
    """An option whose value cannot work; who knows where it stands puts the rest of its key before it."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key} {problem}")
        self.key, self.problem = key, problem

    def under(self, prefix: str) -> "OptionError":
        """The same of the option ``prefix.key``."""
        return OptionError(f"{prefix}.{self.key}", self.problem) if prefix else self


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The values that an option allows, beside null where its type does."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    choices: Iterable[str] | None = None

    def allow(self, value: Any) -> bool:
        """Whether ``value`` keeps within all of them; no limit allows a number that is none (NaN)."""
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
            and (self.choices is None or value in self.choices)
        )

    def __str__(self) -> str:
        if self.choices is not None:
            return f"one of {', '.join(self.choices)}"
        if self.least is not None and self.most is not None:
            return f"from {self.least:g} to {self.most:g}"
        bounds = (("at least", self.least), ("above", self.above), ("at most", self.most), ("below", self.below))
        return " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)


def option(
    default: Any,
    description: str,
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: Iterable[str] | None = None,
    component: str | None = None,
    components: str | None = None,
) -> Any:
    """Declare a field with its default, the help text that ``glimmer components`` prints, and the limits it has.

    A ``default`` that is a function makes a new one for every configuration. ``component`` is the kind of registered
    component whose configuration the option holds, or null; ``components`` that of several, in a mapping that holds
    each under a key of its own.
    """
    limits = Limits(least=least, most=most, above=above, below=below, choices=choices)
    metadata = {
        "help": description,
        "limits": None if limits == Limits() else limits,
        "component": component,
        "components": components,
    }
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    if isinstance(default, list | dict | set):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    if default is MISSING:
        return field(metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(kw_only=True)
class Options:
    """Base of every configuration dataclass: refuses values beyond their limits.

    A sub-class that must check more does so in its ``__post_init__``, after ``super().__post_init__()``.
    """

    def __post_init__(self) -> None:
        for item in fields(self):
            limits, value = item.metadata.get("limits"), getattr(self, item.name)
            if limits is None or (value is None and allows_null(item.type)) or limits.allow(value):
                continue
            if limits.choices is not None:
                raise OptionError(item.name, f"has no choice {value!r}; {suggest(str(value), limits.choices)}")
            self.require(False, item.name, f"{limits}{', or null' if allows_null(item.type) else ''}")

    def require(self, condition: bool, key: str, expected: str) -> None:
        """Raise OptionError for ``key`` unless ``condition`` holds."""
        if not condition:
            raise OptionError(key, f"must be {expected}, found {getattr(self, key)!r}")

    def require_pattern(self, key: str) -> None:
        """Raise OptionError unless ``key`` is a regular expression, or null."""
        try:
            re.compile(getattr(self, key) or "")
        except re.error as error:
            raise OptionError(key, f"is no regular expression: {error}, found {getattr(self, key)!r}") from None


def allows_null(kind: Any) -> bool:
    """Whether a field of the type ``kind`` may be None."""
    return type(None) in get_args(kind)
