"""Tokenizers: text to ids and back."""

from glimmer.data.tokenizers import bpe, huggingface, wordpiece
from glimmer.data.tokenizers.base import (
    TOKENIZERS,
    Frame,
    Tokenizer,
    TokenizerConfig,
    load_tokenizer,
    register_tokenizer,
    sentinel_text,
    train_tokenizer,
)
from glimmer.data.tokenizers.size import vocabulary_of

__all__ = [
    "TOKENIZERS",
    "Frame",
    "Tokenizer",
    "TokenizerConfig",
    "bpe",
    "huggingface",
    "load_tokenizer",
    "register_tokenizer",
    "sentinel_text",
    "train_tokenizer",
    "vocabulary_of",
    "wordpiece",
]
