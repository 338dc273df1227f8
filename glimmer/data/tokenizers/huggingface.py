"""T5's own tokenizer: ``tokenizer.json`` of the library tokenizers, or SentencePiece's ``spiece.model``."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tokenizers import Tokenizer as Library

from glimmer.data.files import content_hash, resolve_file, write_bytes
from glimmer.data.hub import resolve_folder
from glimmer.data.tokenizers.base import Tokenizer, TokenizerConfig, register_tokenizer, sentinel_text
from glimmer.data.tokenizers.spiece import convert
from glimmer.errors import ConfigError, DataError
from glimmer.options import option

SPECIAL = ("<pad>", "</s>", "<unk>")
FILES = ("tokenizer.json", "spiece.model")


@dataclass(kw_only=True)
class HuggingFaceTokenizerConfig(TokenizerConfig):
    """Options of a tokenizer in Hugging Face's layout; ``file`` is tokenizer.json, spiece.model or their folder."""

    vocabulary: int | None = option(
        None, "Rows of the embedding, where it has more than the tokenizer has ids (T5: 32128); null = as many", least=1
    )


@register_tokenizer("huggingface", HuggingFaceTokenizerConfig)
class HuggingFaceTokenizer(Tokenizer):
    """A tokenizer that was trained elsewhere, with T5's ids: padding 0, end of sequence 1, unknown 2.

    Ids are those of transformers without special tokens added; a special token spelled out in a text is that token.
    """

    def __init__(self, config: HuggingFaceTokenizerConfig) -> None:
        self._content = _content(config.file)
        source = str(config.file)
        try:
            self._library: Any = Library.from_str(self._content)
        except Exception as error:  # the library raises nothing narrower
            raise DataError(f"{source}: not a tokenizer file, or a damaged one: {error}") from error
        self._library.no_truncation()
        self._library.no_padding()
        self._size: int = self._library.get_vocab_size()
        self._rows = self._size if config.vocabulary is None else config.vocabulary
        first = tuple(self._library.id_to_token(i) for i in range(len(SPECIAL)))
        if first != SPECIAL:
            expected, found = ", ".join(SPECIAL), ", ".join(map(str, first))
            raise DataError(f"{source}: expected the ids 0, 1, 2 to be {expected}, as T5 has them, found {found}")
        if self._rows < self._size:
            raise ConfigError(f"tokenizer.vocabulary = {self._rows} is fewer than the {self._size} ids of {source}")
        numbers = range(self._size)
        self._sentinels = next(i for i in numbers if self._library.token_to_id(sentinel_text(i)) is None)

    @property
    def vocabulary(self) -> int:
        """The number of ids, those that stand for nothing included."""
        return self._rows

    @property
    def sentinels(self) -> int:
        """The number of sentinels."""
        return self._sentinels

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        ids: list[int] = self._library.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, without special ones and those that stand for nothing."""
        text: str = self._library.decode([i for i in ids if i < self._size], skip_special_tokens=True)
        return text.strip()

    def fingerprint(self) -> str:
        """A hash of the file."""
        return content_hash(self._content)

    def save(self, path: Path) -> None:
        """Write ``tokenizer.json``."""
        write_bytes(path, self._content.encode())

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
    if path.suffix == ".model":
        return convert(path)
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}; expected the file of a tokenizer") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text at byte {error.start}; expected the file of a tokenizer") from None
