"""Decoders: from fused source states to an answer."""

from glimmer.models.decoders.base import DECODERS, Decoder, register_decoder
from glimmer.models.decoders.pointer import PointerDecoder, PointerDecoderConfig
from glimmer.models.decoders.t5 import T5Decoder, T5DecoderConfig

__all__ = [
    "DECODERS",
    "Decoder",
    "PointerDecoder",
    "PointerDecoderConfig",
    "T5Decoder",
    "T5DecoderConfig",
    "register_decoder",
]
