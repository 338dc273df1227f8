"""Byte-pair encoding over words, numbers and punctuation marks (Sennrich et al. 2016), by the library tokenizers."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from tokenizers import AddedToken, Regex, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as Library

from glimmer.data.files import resolve_file
from glimmer.data.tokenizers.base import TokenizerConfig, register_tokenizer, sentinel_text
from glimmer.data.tokenizers.library import read_text
from glimmer.data.tokenizers.t5_layout import SPECIAL, T5LayoutTokenizer
from glimmer.errors import ConfigError, DataError
from glimmer.options import option

SPACE = "▁"
"""Stands for a space, and for the start of every text, so that a word has the same pieces wherever it stands."""
WORDS = rf"{SPACE}?\p{{L}}+|{SPACE}?\p{{N}}+|{SPACE}?[^{SPACE}\p{{L}}\p{{N}}]|{SPACE}"
"""What merges never cross: a word, a number or one other mark, each with the space before it."""


@dataclass(kw_only=True)
class BpeConfig(TokenizerConfig):
    """Options of the BPE tokenizer; all but ``file`` matter in training only and are then kept in the file."""

    vocabulary: int = option(4096, "Ids at most, special ones included; fewer where the texts give no more")
    lower_case: bool = option(True, "Make all letters lower-case")
    strip_accents: bool = option(True, "Take accents off letters")
    sentinels: int = option(32, "Sentinels for span corruption", least=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        least = len(SPECIAL) + self.sentinels + 256
        self.require(
            self.vocabulary >= least,
            "vocabulary",
            f"at least {least} (special ids, {self.sentinels} sentinels and 256 pieces)",
        )


@register_tokenizer("bpe", BpeConfig)
class BpeTokenizer(T5LayoutTokenizer):
    """Byte-pair encoding over words, with or without case and accents.

    Text comes back from ``decode`` as it was, but for case, accents, compatibility forms (NFKC), runs of white space
    and characters that the training texts did not have. ``content`` is the text of a tokenizer file.
    """

    def __init__(self, config: BpeConfig, content: str | None = None) -> None:
        source = config.file or "tokenizer"
        super().__init__(_read(config.file) if content is None else content, source)
        self._check_sentinels(source)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, without special ones."""
        first, last = len(SPECIAL), self.vocabulary - self.sentinels
        return "".join(self._pieces[i] for i in ids if first <= i < last).replace(SPACE, " ").strip()

    @classmethod
    def train(cls, config: TokenizerConfig, texts: Iterable[str]) -> Self:
        """Learn the merges from ``texts``.

        Raises:
            DataError: there is no text.
        """
        assert isinstance(config, BpeConfig)
        learner = _library(models.BPE(unk_token=SPECIAL[2]), config)
        size = config.vocabulary - config.sentinels
        trainer = trainers.BpeTrainer(
            vocab_size=size, special_tokens=list(SPECIAL), min_frequency=2, show_progress=False
        )
        learner.train_from_iterator(texts, trainer)
        model = json.loads(learner.to_str())["model"]
        if len(model["vocab"]) == len(SPECIAL):
            raise DataError("a tokenizer cannot be trained without text")
        # Made anew without the special tokens: else "</s>" in a text would end it.
        merges = [(left, right) for left, right in model["merges"]]
        library = _library(models.BPE(model["vocab"], merges, unk_token=SPECIAL[2]), config)
        library.add_special_tokens(
            [AddedToken(sentinel_text(i), lstrip=True, normalized=False) for i in reversed(range(config.sentinels))]
        )
        return cls(config, library.to_str())

    def _check_sentinels(self, source: str) -> None:
        tail = [sentinel_text(i) for i in reversed(range(self.sentinels))]
        if self._pieces[len(self._pieces) - self.sentinels :] != tail:
            found = ", ".join(self._pieces[-2:])
            raise DataError(f"{source}: expected sentinels to be the last ids, found {found}")


def _library(model: Any, config: BpeConfig) -> Any:
    library = Library(model)
    steps: list[Any] = [normalizers.Lowercase()] if config.lower_case else []
    steps += [normalizers.NFKD(), normalizers.StripAccents()] if config.strip_accents else [normalizers.NFKC()]
    steps += [
        normalizers.Replace(Regex(rf"[\s{SPACE}]+"), " "),
        normalizers.Strip(),
        normalizers.Prepend(SPACE),
        normalizers.Replace(" ", SPACE),
    ]
    library.normalizer = normalizers.Sequence(steps)
    library.pre_tokenizer = pre_tokenizers.Split(Regex(WORDS), "isolated")
    return library


def _read(file: str | None) -> str:
    if file is None:
        raise ConfigError("tokenizer.file is null; expected the file of a trained tokenizer (tokenizer.json of a run)")
    return read_text(resolve_file(file))
