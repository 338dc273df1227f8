"""T5's own tokenizer: ``tokenizer.json`` of the library tokenizers, or SentencePiece's ``spiece.model``."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from glimmer.data.files import resolve_file
from glimmer.data.hub import resolve_folder
from glimmer.data.tokenizers.base import TokenizerConfig, register_tokenizer
from glimmer.data.tokenizers.library import LibraryTokenizer, read_text
from glimmer.data.tokenizers.spiece import convert
from glimmer.errors import ConfigError, DataError
from glimmer.options import option

FILES = ("tokenizer.json", "spiece.model")


@dataclass(kw_only=True)
class HuggingFaceTokenizerConfig(TokenizerConfig):
    """Options of a tokenizer in Hugging Face's layout; ``file`` is tokenizer.json, spiece.model or their folder."""

    vocabulary: int | None = option(
        None, "Rows of the embedding, where it has more than the tokenizer has ids (T5: 32128); null = as many", least=1
    )


@register_tokenizer("huggingface", HuggingFaceTokenizerConfig)
class HuggingFaceTokenizer(LibraryTokenizer):
    """A tokenizer that was trained elsewhere, with T5's ids: padding 0, end of sequence 1, unknown 2.

    Ids are those of transformers without special tokens added; a special token spelled out in a text is that token.
    """

    def __init__(self, config: HuggingFaceTokenizerConfig) -> None:
        super().__init__(_content(config.file), str(config.file))
        size = super().vocabulary
        self._rows = size if config.vocabulary is None else config.vocabulary
        if self._rows < size:
            raise ConfigError(f"tokenizer.vocabulary = {self._rows} is fewer than the {size} ids of {config.file}")

    @property
    def vocabulary(self) -> int:
        """The number of ids, those that stand for nothing included."""
        return self._rows

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


def _content(file: str | None) -> str:
    """The text of ``tokenizer.json``, converted from ``spiece.model`` where that is what there is."""
    if file is None:
        raise ConfigError("tokenizer.file is null; expected a checkpoint's folder, its tokenizer.json or spiece.model")
    path = resolve_folder(file)
    if path is None:
        path = resolve_file(file)
    else:
        folder = path
        found = next((folder / name for name in FILES if (folder / name).is_file()), None)
        if found is None:
            raise DataError(f"{folder} holds no tokenizer; expected {' or '.join(FILES)}")
        path = found
    return convert(path) if path.suffix == ".model" else read_text(path)
