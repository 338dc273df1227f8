"""Arguments that several commands share, and their types."""

import argparse

from glimmer.memory.codecs import DTYPES


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text!r}")
    return int(text)


def add_weights(options: argparse.ArgumentParser) -> None:
    """Add RUN and ``--checkpoint``: whose weights a command works with."""
    options.add_argument("run", metavar="RUN", help="a run's folder, a checkpoint, or package:glimmer (as shipped)")
    options.add_argument(
        "--checkpoint", metavar="best|last|PATH", help="weights (default: best if there is one, else last)"
    )


def add_device(options: argparse.ArgumentParser) -> None:
    """Add ``--device``."""
    options.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="default: %(default)s")


def add_dtype(options: argparse.ArgumentParser, default: str) -> None:
    """Add ``--dtype``: the type of the numbers that a command writes."""
    options.add_argument("--dtype", default=default, choices=DTYPES, help="of a number (default: %(default)s)")
