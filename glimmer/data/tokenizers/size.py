"""How many ids a configured tokenizer has."""

from glimmer.data.tokenizers.base import TokenizerConfig, load_tokenizer
from glimmer.data.tokenizers.bpe import BpeConfig
from glimmer.data.tokenizers.huggingface import HuggingFaceTokenizerConfig
from glimmer.errors import ConfigError


def vocabulary_of(config: TokenizerConfig) -> int:
    """The rows that the embedding will have; the tokenizer's file is read only where the options do not decide it.

    Before a tokenizer is trained, it is the size that is asked for.

    Raises:
        ConfigError: neither a file nor an option tells.
        DataError: the file that tells is missing or no such tokenizer.
    """
    if isinstance(config, HuggingFaceTokenizerConfig) and config.vocabulary is not None:
        return config.vocabulary
    if config.file is not None:
        return load_tokenizer(config).vocabulary
    if not isinstance(config, BpeConfig):
        raise ConfigError(f"tokenizer.file is null: a {config.name} tokenizer has no size before training")
    return config.vocabulary
