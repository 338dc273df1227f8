"""What every tokenizer does, and which ids have a meaning of their own."""

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

    file: str | None = option(
        None,
        "The trained tokenizer: a file, or for one from elsewhere also its folder, installed:PACKAGE or hf:OWNER/NAME; "
        "null where the run trains its own",
    )


@dataclass(frozen=True)
class Frame:
    """The ids that stand round a text where an encoder reads it."""

    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.before) + len(self.after)

    def put_round(self, ids: Sequence[int], most: int) -> list[int]:
        """The framed ids; the text's end is cut so that all together are ``most`` at most."""
        return [*self.before, *ids[: max(0, most - len(self))], *self.after]


class Tokenizer(ABC):
    """Turns text into ids and back; built from its configuration, which names the file to load.

    The special ids are T5's unless a tokenizer says otherwise. The processes of a run share one that was just trained,
    so it must be possible to pickle it.
    """

    pad_id = 0
    """Fills rows up; a decoder starts with it."""
    eos_id = 1
    """Ends every target; a decoder stops at it."""
    unk_id = 2
    """Stands for what has no id."""

    @property
    def question_frame(self) -> Frame:
        """What stands round a question; T5 has nothing there."""
        return Frame()

    @property
    def passage_frame(self) -> Frame:
        """What stands round a passage; T5 ends it in end of sequence. It is part of the stored memory."""
        return Frame(after=(self.eos_id,))

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
        """A hash of everything that decides what ``encode`` returns and what frames are."""

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
