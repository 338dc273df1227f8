"""The errors that a user can cause, each with a message that says what to do next."""

import difflib
from collections.abc import Iterable


class GlimmerError(Exception):
    """Base of every error that is the input's fault; the command line prints its message alone and exits with 1."""


class ConfigError(GlimmerError):
    """A configuration key, type, value or combination that cannot work."""


class RegistryError(GlimmerError):
    """An unknown or duplicate component name, or a plug-in that fails to import."""


class DataError(GlimmerError):
    """A file that is missing, malformed or cannot be written; the message names it and, if there is one, the line."""


class WriteError(DataError):
    """A file that cannot be written."""


class CheckpointError(GlimmerError):
    """A checkpoint that is missing, corrupt, or of another model."""


class StoreError(GlimmerError):
    """A memory store that is missing, damaged, or made by another encoder than the reader's."""


class TrainingError(GlimmerError):
    """Training cannot go on: a non-finite loss or gradient, or a task without examples."""


class InterruptionError(GlimmerError):
    """A signal asked training, or a long job on data, to stop; the same command goes on from where it was saved."""


def suggest(name: str, choices: Iterable[str]) -> str:
    """Say which names exist and which of them is nearest to ``name``, as the tail of an error message."""
    known = sorted(choices)
    if not known:
        return "there are none"
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f"{hint}Known: {', '.join(known)}"
