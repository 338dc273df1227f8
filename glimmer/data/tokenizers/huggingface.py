"""T5's own tokenizer: ``tokenizer.json`` of the library tokenizers, or SentencePiece's ``spiece.model``."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from glimmer.data.tokenizers.base import TokenizerConfig, register_tokenizer
from glimmer.data.tokenizers.library import find_file, read_text
from glimmer.data.tokenizers.spiece import convert
from glimmer.data.tokenizers.t5_layout import T5LayoutTokenizer
from glimmer.errors import ConfigError
from glimmer.options import option

FILES = ("tokenizer.json", "spiece.model")


@dataclass(kw_only=True)
class HuggingFaceTokenizerConfig(TokenizerConfig):
    """Options of a tokenizer in Hugging Face's layout; ``file`` is tokenizer.json, spiece.model or their folder."""

    vocabulary: int | None = option(
        None, "Rows of the embedding, where it has more than the tokenizer has ids (T5: 32128); null = as many", least=1
    )


@register_tokenizer("huggingface", HuggingFaceTokenizerConfig)
class HuggingFaceTokenizer(T5LayoutTokenizer):
    """A tokenizer that was trained elsewhere, with T5's ids: padding 0, end of sequence 1, unknown 2.

    Ids are those of transformers without special tokens added; a special token spelled out in a text is that token.
    """

    def __init__(self, config: HuggingFaceTokenizerConfig) -> None:
        path = find_file(config.file, FILES)
        content = convert(path) if path.suffix == ".model" else read_text(path)
        super().__init__(content, str(config.file), config.vocabulary)

    @classmethod
    def train(cls, config: TokenizerConfig, texts: Iterable[str]) -> Self:
        """Refuse: such a tokenizer comes with its checkpoint.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            "tokenizer=huggingface is not trained here; tokenizer.file names the checkpoint's folder, its "
            "tokenizer.json or spiece.model"
        )
