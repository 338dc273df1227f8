"""Arguments that several commands share, and their types."""

import argparse


def positive(text: str) -> int:
    """A whole number of at least 1."""
    return _at_least(1, text)


def not_negative(text: str) -> int:
    """A whole number of at least 0."""
    return _at_least(0, text)


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


def add_device(options: argparse.ArgumentParser) -> None:
    """Add ``--device``."""
    options.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="default: %(default)s")
