"""Compose a reader from a run's configuration."""

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from glimmer.data.tokenizers import Tokenizer
from glimmer.memory import MEMORIES
from glimmer.models.base import MODELS, Model
from glimmer.models.decoders import DECODERS
from glimmer.models.encoders import ENCODERS
from glimmer.models.joins import JOINS
from glimmer.models.rerankers import RERANKERS
from glimmer.models.selectors import SELECTORS

if TYPE_CHECKING:
    from glimmer.config.schema import RunConfig


def build_reader(config: "RunConfig", tokenizer: Tokenizer) -> Model:
    """Build the model that ``config`` describes, with initial weights.

    Raises:
        GlimmerError: options that do not fit together, or a memory store that cannot be opened.
    """
    text = text_fingerprint(config, tokenizer)
    return _build(config, tokenizer.vocabulary, text, tokenizer.pad_id, tokenizer.eos_id)


def sketch_reader(config: "RunConfig", vocabulary: int) -> Model:
    """Build the model on the meta device: every shape, no weights, and no memory for them, whatever its size.

    A memory store is not opened; its reader is that of frozen memory.

    Raises:
        GlimmerError: options that do not fit together.
    """
    if config.memory.name == "stored":
        config = replace(config, memory=MEMORIES.configure("online", frozen=True))
    with torch.device("meta"):
        return _build(config, vocabulary, "", Tokenizer.pad_id, Tokenizer.eos_id)


def _build(config: "RunConfig", vocabulary: int, text: str, pad_id: int, eos_id: int) -> Model:
    live = getattr(config.model, "live_layers", None)  # a model from outside need not split its encoder
    encoder = ENCODERS.build(config.encoder, vocabulary=vocabulary, live_layers=live)
    return MODELS.build(
        config.model,
        encoder=encoder,
        memory=MEMORIES.build(config.memory, text_fingerprint=text),
        join=JOINS.build(config.join, width=encoder.width),
        reranker=RERANKERS.build(config.reranker, width=encoder.width),
        selector=SELECTORS.build(config.selector),
        decoder=DECODERS.build(config.decoder, embedding=encoder.embedding, padding_id=pad_id),
        eos_id=eos_id,
    )


def text_fingerprint(config: "RunConfig", tokenizer: Tokenizer) -> str:
    """Stand for everything that turns a passage into token ids: tokenizer, prompt format and length limit."""
    text = [tokenizer.fingerprint(), config.collator.passage_format, config.collator.passage_tokens]
    return hashlib.sha256(json.dumps(text).encode()).hexdigest()[:16]
