"""Encoders: stacks that can be split between memory and live layers."""

from glimmer.models.encoders.base import ENCODERS, Encoder, register_encoder
from glimmer.models.encoders.bert import BertEncoder, BertEncoderConfig
from glimmer.models.encoders.t5 import T5Encoder, T5EncoderConfig

__all__ = [
    "ENCODERS",
    "BertEncoder",
    "BertEncoderConfig",
    "Encoder",
    "T5Encoder",
    "T5EncoderConfig",
    "register_encoder",
]
