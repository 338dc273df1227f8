"""A T5's sizes: ``config.json`` in Hugging Face's terms, and the options of encoder and decoder in ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimmer.models.decoders.t5 import T5DecoderConfig
from glimmer.models.encoders.t5 import T5EncoderConfig
from glimmer.models.huggingface.config_file import T5, read_config

ACTIVATIONS = {
    "relu": "relu",
    "gated-gelu": "gated_gelu",
    "gated-gelu_new": "gated_gelu",
    "gelu_new": "gelu",
}
"""Theirs → ours. Their plain ``gelu`` is the exact one, which no T5 was trained with and ours is not."""
KEYS = {
    "vocab_size": "vocabulary",
    "d_model": "width",
    "d_kv": "head_width",
    "d_ff": "feed_forward",
    "num_layers": "layers",
    "num_decoder_layers": "decoder_layers",
    "num_heads": "heads",
    "relative_attention_num_buckets": "buckets",
    "relative_attention_max_distance": "max_distance",
}
"""Their key → ``T5Sizes``."""
DEFAULTS: Mapping[str, int] = {"relative_attention_num_buckets": 32, "relative_attention_max_distance": 128}
FIXED: Mapping[str, Any] = {
    "layer_norm_epsilon": 1e-6,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "decoder_start_token_id": 0,
}
"""What is the same in every T5, and may be left out."""


@dataclass(frozen=True, kw_only=True)
class T5Sizes:
    """All of a T5 that decides the shapes of its tensors and what is computed with them."""

    vocabulary: int
    width: int
    head_width: int
    feed_forward: int
    layers: int
    decoder_layers: int
    heads: int
    buckets: int = 32
    max_distance: int = 128
    activation: str = "gated_gelu"
    tie_output: bool = False
    """Predict with the embedding, scaled by width^-0.5 (T5 1.0)."""
    copy_output: bool = False
    """A file without ``lm_head.weight`` means the embedding, unscaled (as transformers 5 saves such a model)."""

    @property
    def gated(self) -> bool:
        """Whether feed-forward layers have a gate."""
        return self.activation.startswith("gated")

    def encoder_options(self) -> dict[str, Any]:
        """The options of an encoder of these sizes."""
        return {"layers": self.layers, "width": self.width, **self._shared()}

    def decoder_options(self) -> dict[str, Any]:
        """The options of a decoder of these sizes."""
        return {"layers": self.decoder_layers, **self._shared(), "tie_output": self.tie_output, "embedding_scale": 1.0}

    def _shared(self) -> dict[str, Any]:
        names = ("heads", "head_width", "feed_forward", "activation", "buckets", "max_distance")
        return {name: getattr(self, name) for name in names}


def read_sizes(folder: Path) -> T5Sizes:
    """Read a folder's ``config.json``.

    Raises:
        CheckpointError: it is missing or broken, of another kind of model, or of a T5 that cannot be built here.
    """
    config = read_config(folder)
    config.require({"model_type": T5})
    config.require(FIXED, ", as in every T5")
    theirs = config.values
    found = config.numbers(KEYS, {**DEFAULTS, "num_decoder_layers": theirs.get("num_layers")})
    activation = config.activation("feed_forward_proj", "relu", ACTIVATIONS)
    # transformers 5 calls every T5 tied, and keeps apart whether the output is scaled.
    tied = theirs.get("tie_word_embeddings", True) is not False
    scaled = bool(theirs.get("scale_decoder_outputs", tied))
    return T5Sizes(**found, activation=ACTIVATIONS[activation], tie_output=scaled, copy_output=tied and not scaled)


def config_json(sizes: T5Sizes, dropout: float, architecture: str) -> dict[str, Any]:
    """What ``config.json`` holds for a T5 of these sizes."""
    return {
        "architectures": [architecture],
        "model_type": "t5",
        "is_encoder_decoder": architecture != ENCODER_ONLY,
        **{key: getattr(sizes, name) for key, name in KEYS.items()},
        "feed_forward_proj": next(theirs for theirs, ours in ACTIVATIONS.items() if ours == sizes.activation),
        "dropout_rate": dropout,
        "tie_word_embeddings": sizes.tie_output,
        **FIXED,
    }


ENCODER_DECODER, ENCODER_ONLY = "T5ForConditionalGeneration", "T5EncoderModel"


def sizes_of(encoder: T5EncoderConfig, decoder: T5DecoderConfig, vocabulary: int) -> T5Sizes:
    """The sizes of a T5 with this encoder and a plain decoder."""
    return T5Sizes(
        vocabulary=vocabulary,
        width=encoder.width,
        head_width=encoder.head_width,
        feed_forward=encoder.feed_forward,
        layers=encoder.layers,
        decoder_layers=decoder.layers,
        heads=encoder.heads,
        buckets=encoder.buckets,
        max_distance=encoder.max_distance,
        activation=encoder.activation,
        tie_output=decoder.tie_output,
    )
