"""Codecs: how a token's state is stored."""

from glimmer.memory.codecs.base import CODECS, Codec, Sample, register_codec
from glimmer.memory.codecs.first_tokens import FirstTokensCodec
from glimmer.memory.codecs.int8 import Int8Codec
from glimmer.memory.codecs.optimised_product import OptimisedProductCodec
from glimmer.memory.codecs.product import ProductCodec
from glimmer.memory.codecs.raw import DTYPES, RawCodec
from glimmer.memory.codecs.residual import ResidualCodec
from glimmer.memory.codecs.sequence import SequenceCodec
from glimmer.memory.codecs.token_residual import TokenResidualCodec

__all__ = [
    "CODECS",
    "DTYPES",
    "Codec",
    "FirstTokensCodec",
    "Int8Codec",
    "OptimisedProductCodec",
    "ProductCodec",
    "RawCodec",
    "ResidualCodec",
    "Sample",
    "SequenceCodec",
    "TokenResidualCodec",
    "register_codec",
]
