"""What every tokenizer does, in T5's layout of ids: padding 0, end of sequence 1, unknown 2, sentinels last."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from glimmer.options import option
from glimmer.registry import ComponentConfig, Registry


@dataclass(kw_only=True)
class TokenizerConfig(ComponentConfig):
    """Options that every tokenizer has."""

    file: str | None = option(None, "The trained tokenizer; null where the run trains its own")


class Tokenizer(ABC):
    """Turns text into ids and back; built from its configuration, which names the file to load.

    The processes of a run share one that was just trained, so it must be possible to pickle it.
    """

    pad_id = 0
    eos_id = 1
    unk_id = 2

    @property
    @abstractmethod
    def vocabulary(self) -> int:
        """The number of ids, special ones included."""

    @property
    @abstractmethod
    def sentinels(self) -> int:
        """The number of sentinels, which stand for the gaps of span corruption."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The ids of a text, nothing added; ``sentinel_text(i)`` within it becomes that sentinel's one id."""

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; special ones are left out."""

    @abstractmethod
    def fingerprint(self) -> str:
        """A hash of everything that decides what ``encode`` returns."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write the file that a configuration's ``file`` can name, atomically."""

    @classmethod
    @abstractmethod
    def train(cls, config: TokenizerConfig, texts: Iterable[str]) -> Self:
        """Learn a tokenizer from texts; the same texts give the same tokenizer."""


def sentinel_text(number: int) -> str:
    """How a sentinel is written in text."""
    return f"<extra_id_{number}>"


TOKENIZERS: Registry[Tokenizer] = Registry("tokenizer", Tokenizer)
register_tokenizer = TOKENIZERS.register


def load_tokenizer(config: TokenizerConfig) -> Tokenizer:
    """Load the tokenizer that ``config.file`` names.

    Raises:
        ConfigError: no file is named.
        DataError: the file is missing or no such tokenizer.
    """
    return TOKENIZERS.build(config)


def train_tokenizer(config: TokenizerConfig, texts: Iterable[str]) -> Tokenizer:
    """Train the kind of tokenizer that ``config`` names.

    Raises:
        DataError: there is no text.
    """
    return TOKENIZERS[config.name].component.train(config, texts)
