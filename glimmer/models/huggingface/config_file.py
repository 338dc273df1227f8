"""A checkpoint's ``config.json``: its family and its values, each checked, and named where it is at fault."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimmer.data.files import read_json
from glimmer.data.hub import CONFIG
from glimmer.errors import CheckpointError, DataError, suggest

T5, BERT = FAMILIES = ("t5", "bert")
"""What ``model_type`` may be; a file without one is a T5's."""


@dataclass(frozen=True)
class ConfigFile:
    """The content of a ``config.json``; what is null in it counts as left out."""

    path: Path
    values: Mapping[str, Any]

    def require(self, fixed: Mapping[str, Any], why: str = "") -> None:
        """Refuse another value than the only one that a key may have where it is given.

        Raises:
            CheckpointError: a key has another.
        """
        for key, expected in fixed.items():
            if self.values.get(key, expected) != expected:
                raise CheckpointError(f"{self.path}: {key} is {self.values[key]!r}; expected {expected!r}{why}")

    def numbers(self, keys: Mapping[str, str], defaults: Mapping[str, int | None]) -> dict[str, Any]:
        """Whole numbers of at least 1 by our names, given theirs → ours.

        Raises:
            CheckpointError: one is missing or no such number.
        """
        found = {}
        for key, name in keys.items():
            value = self.values.get(key, defaults.get(key))
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                problem = "is missing" if value is None else f"is {value!r}"
                raise CheckpointError(f"{self.path}: {key} {problem}; expected a whole number of at least 1")
            found[name] = value
        return found

    def activation(self, key: str, default: str, known: Iterable[str]) -> str:
        """The name of an activation.

        Raises:
            CheckpointError: it is none of the known ones.
        """
        name, known = self.values.get(key, default), list(known)
        if name not in known:
            raise CheckpointError(
                f"{self.path}: {key} names an unknown activation {name!r}; {suggest(str(name), known)}"
            )
        return str(name)


def read_config(folder: Path) -> ConfigFile:
    """Read a folder's ``config.json``.

    Raises:
        CheckpointError: it is missing or broken.
    """
    try:
        values = read_json(folder / CONFIG, "the configuration of a T5 or a BERT in Hugging Face's layout")
    except DataError as error:
        raise CheckpointError(str(error)) from None
    return ConfigFile(folder / CONFIG, {key: value for key, value in values.items() if value is not None})


def family_of(folder: Path) -> str:
    """Which of ``FAMILIES`` a folder's checkpoint is of.

    Raises:
        CheckpointError: its ``config.json`` is missing or broken, or of none.
    """
    config = read_config(folder)
    family = config.values.get("model_type", T5)
    if family not in FAMILIES:
        raise CheckpointError(f"{config.path}: model_type is {family!r}; {suggest(str(family), FAMILIES)}")
    return str(family)
