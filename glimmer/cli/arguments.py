"""Arguments that several commands share, and their types."""

import argparse
import math
from pathlib import Path
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def positive(text: str) -> int:
    """A whole number of at least 1."""
    return _at_least(1, text)


def not_negative(text: str) -> int:
    """A whole number of at least 0."""
    return _at_least(0, text)


def duration(text: str) -> float:
    """A time above 0, not infinite."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {text!r}")
    return value


def share(text: str) -> float:
    """A part of a whole, from 0 to below 1."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to below 1, found {text!r}")
    return value


def names(text: str) -> list[str]:
    """Names with commas between them."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise argparse.ArgumentTypeError(f"expected names with commas between them, found {text!r}")
    return found


def ranks(text: str) -> list[int]:
    """Whole numbers of at least 1 with commas between them."""
    return [positive(number) for number in names(text)]


def json_file(text: str) -> Path:
    """The name of a file that ends in .json."""
    if not text.endswith(".json"):
        raise argparse.ArgumentTypeError(f"expected the name of a .json file, found {text!r}")
    return Path(text)


def _at_least(least: int, text: str) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, found {text!r}")
    return int(text)


def add_weights(options: argparse.ArgumentParser) -> None:
    """Add RUN and ``--checkpoint``: whose weights a command works with."""
    options.add_argument("run", metavar="RUN", help="a run's folder, a checkpoint, or package:glimmer (as shipped)")
    options.add_argument(
        "--checkpoint", metavar="best|last|PATH", help="weights (default: best if there is one, else last)"
    )


def add_overrides(options: argparse.ArgumentParser) -> None:
    """Add ``--set``."""
    options.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="KEY=VALUE",
        help="change an option of collator, data, generation, selector or tasks, such as generation.beams=4 or "
        "data.retrievers.default.k1=0.9, or memory.cache_bytes where a store is read; may be given several times",
    )


def add_device(options: argparse.ArgumentParser) -> None:
    """Add ``--device``."""
    options.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="default: %(default)s")
