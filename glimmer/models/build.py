"""Compose a reader from a run's configuration."""

import hashlib
import json
from typing import TYPE_CHECKING

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
    live = getattr(config.model, "live_layers", None)  # a model from outside need not split its encoder
    encoder = ENCODERS.build(config.encoder, vocabulary=tokenizer.vocabulary, live_layers=live)
    return MODELS.build(
        config.model,
        encoder=encoder,
        memory=MEMORIES.build(config.memory, text_fingerprint=text_fingerprint(config, tokenizer)),
        join=JOINS.build(config.join, width=encoder.width),
        reranker=RERANKERS.build(config.reranker, width=encoder.width),
        selector=SELECTORS.build(config.selector),
        decoder=DECODERS.build(config.decoder, embedding=encoder.embedding, padding_id=tokenizer.pad_id),
        eos_id=tokenizer.eos_id,
    )


def text_fingerprint(config: "RunConfig", tokenizer: Tokenizer) -> str:
    """Stand for everything that turns a passage into token ids: tokenizer, prompt format and length limit."""
    text = [tokenizer.fingerprint(), config.collator.passage_format, config.collator.passage_tokens]
    return hashlib.sha256(json.dumps(text).encode()).hexdigest()[:16]
