"""BERT's tokenizer: WordPiece (arXiv 1810.04805) in a ``tokenizer.json`` of the library tokenizers."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from tokenizers import models

from glimmer.data.files import content_hash
from glimmer.data.tokenizers.base import Frame, TokenizerConfig, register_tokenizer
from glimmer.data.tokenizers.library import LibraryTokenizer, find_file, read_text
from glimmer.data.tokenizers.spacing import spaced
from glimmer.errors import ConfigError, DataError
from glimmer.options import option

FILES = ("tokenizer.json",)
PADDING, START, END, UNKNOWN = REQUIRED = ("[PAD]", "[CLS]", "[SEP]", "[UNK]")
MASK = "[MASK]"
UNUSED = re.compile(r"\[unused(\d+)\]")
"""Pieces that BERT keeps free: the sentinels of span corruption, in their own order."""
SENTINEL = re.compile(r"<extra_id_(\d+)>")


@dataclass(kw_only=True)
class WordPieceTokenizerConfig(TokenizerConfig):
    """Options of BERT's tokenizer; ``file`` is tokenizer.json, its folder, installed:PACKAGE or hf:OWNER/NAME."""

    vocabulary: int | None = option(
        None, "Rows of the embedding, where it has more than the tokenizer has ids; null = as many", least=1
    )


@register_tokenizer("wordpiece", WordPieceTokenizerConfig)
class WordPieceTokenizer(LibraryTokenizer):
    """BERT's ids, found by their text: [PAD] pads, [SEP] ends a target, [UNK] is unknown.

    Questions and passages stand between [CLS] and [SEP], as the texts that BERT was trained on. Ids are those of
    transformers without special tokens added; a special token spelled out in a text is that token.
    """

    def __init__(self, config: WordPieceTokenizerConfig) -> None:
        source = str(config.file)
        super().__init__(read_text(find_file(config.file, FILES)), source, config.vocabulary)
        ids = {piece: i for i, piece in enumerate(self._pieces)}
        lacking = [piece for piece in REQUIRED if piece not in ids]
        if lacking or not isinstance(self._library.model, models.WordPiece):
            kind = type(self._library.model).__name__
            problem = f"this one is a {kind}" + (f" without {', '.join(lacking)}" if lacking else "")
            raise DataError(f"{source}: expected a WordPiece with {', '.join(REQUIRED)}, as BERT has it; {problem}")
        self.pad_id, self._start_id, self.eos_id, self.unk_id = (ids[piece] for piece in REQUIRED)
        self._continues: str = self._library.model.continuing_subword_prefix
        free = {int(match[1]): i for piece, i in ids.items() if (match := UNUSED.fullmatch(piece))}
        self._free = [free[number] for number in sorted(free)]
        self._silent = {*self._free, *(ids[piece] for piece in (*REQUIRED, MASK) if piece in ids)}

    @property
    def sentinels(self) -> int:
        """The number of sentinels."""
        return len(self._free)

    @property
    def question_frame(self) -> Frame:
        """[CLS] and [SEP]."""
        return Frame((self._start_id,), (self.eos_id,))

    @property
    def passage_frame(self) -> Frame:
        """[CLS] and [SEP]."""
        return Frame((self._start_id,), (self.eos_id,))

    def encode(self, text: str) -> list[int]:
        """The ids of a text."""
        ids, start = [], 0
        for match in SENTINEL.finditer(text):
            if int(match[1]) < len(self._free):
                ids += [*super().encode(text[start : match.start()]), self._free[int(match[1])]]
                start = match.end()
        return ids + super().encode(text[start:])

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, spaced as ``spaced`` has it, for WordPiece does not know where spaces were."""
        words: list[str] = []
        for piece in (self._pieces[i] for i in ids if i < len(self._pieces) and i not in self._silent):
            if piece.startswith(self._continues) and words:
                words[-1] += piece.removeprefix(self._continues)
            else:
                words.append(piece)
        return spaced(words)

    def fingerprint(self) -> str:
        """A hash of the file and of what stands round a text."""
        frames = [(frame.before, frame.after) for frame in (self.question_frame, self.passage_frame)]
        return content_hash(self._content, json.dumps(frames))

    @classmethod
    def train(cls, config: TokenizerConfig, texts: Iterable[str]) -> Self:
        """Refuse: such a tokenizer comes with its checkpoint.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            "tokenizer=wordpiece is not trained here; tokenizer.file names the checkpoint's folder or its "
            "tokenizer.json"
        )
