"""The argument that names a codec and its options."""

import argparse

from omegaconf import OmegaConf

from glimmer.config.compose import to_mapping
from glimmer.config.load import load_component
from glimmer.errors import ConfigError
from glimmer.memory import CODECS
from glimmer.registry import ComponentConfig


def codec_of(text: str) -> ComponentConfig:
    """The configuration of the codec that ``--codec`` names, ``NAME`` or ``NAME,KEY=VALUE,…``, plug-ins being loaded.

    Raises:
        GlimmerError: there is no such codec, or it has no such option.
    """
    name, *options = text.split(",")
    for option in options:
        if "=" not in option:
            raise ConfigError(f"--codec {text}: expected NAME,KEY=VALUE,…; found {option!r}")
    given = to_mapping(OmegaConf.from_dotlist(options))
    made: ComponentConfig = load_component(CODECS, {"name": name, **given}, "codec")
    return made


def add_codec(options: argparse.ArgumentParser) -> None:
    """Add ``--codec``."""
    options.add_argument(
        "--codec",
        default="raw",
        metavar="NAME[,KEY=VALUE]",
        help="how a token's state is stored, such as raw,dtype=float32 (default: raw, in bfloat16); of all codecs and "
        "their options tells `glimmer components codec`",
    )
