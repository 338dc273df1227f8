"""The argument that names a codec and its options."""

import argparse
import re
from typing import Any

from omegaconf import OmegaConf

from glimmer.config.compose import to_mapping
from glimmer.config.load import load_component
from glimmer.errors import ConfigError
from glimmer.memory import CODECS
from glimmer.registry import ComponentConfig


def codec_of(text: str) -> ComponentConfig:
    """The configuration of the codec that ``--codec`` names, plug-ins being loaded.

    ``text`` is ``NAME`` or ``NAME,KEY=VALUE,…``, or several of them joined by ``+``, in sequence.

    Raises:
        GlimmerError: there is no such codec, or it has no such option.
    """
    parts = re.split(r"\+(?=[^\W\d])", text)  # a number may have a plus sign
    if len(parts) == 1:
        described = _described(text)
    else:
        described = {"name": "sequence", "codecs": {f"{i}": _described(part) for i, part in enumerate(parts, 1)}}
    made: ComponentConfig = load_component(CODECS, described, "codec")
    return made


def given_codec(arguments: argparse.Namespace) -> ComponentConfig | None:
    """What ``--codec`` says; None where it was not given."""
    return None if arguments.codec is None else codec_of(arguments.codec)


def _described(text: str) -> dict[str, Any]:
    name, *options = text.split(",")
    for option in options:
        if "=" not in option:
            raise ConfigError(f"--codec {text}: expected NAME,KEY=VALUE,…; found {option!r}")
    return {"name": name, **to_mapping(OmegaConf.from_dotlist(options))}


def add_codec(options: argparse.ArgumentParser) -> None:
    """Add ``--codec``."""
    options.add_argument(
        "--codec",
        metavar="NAME[,KEY=VALUE]",
        help="how a token's state is stored, such as raw,dtype=float32 (default: as the run's memory has learned to, "
        "else raw, in bfloat16); several in sequence are joined by +, such as first_tokens,count=32+int8; of all "
        "codecs and their options tells `glimmer components codec`",
    )
