"""From examples to a batch: tokenise, choose passages, pad."""

import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import torch

from glimmer.data.candidates import FindPassage, choose
from glimmer.data.prompt import PassageFormat
from glimmer.data.tokenizers import Tokenizer
from glimmer.data.values import Batch, Example, Passage, Tokens
from glimmer.errors import ConfigError
from glimmer.options import Options, option

T = TypeVar("T")
SAMPLES = ("first", "random")
CACHED = 1 << 15
"""Texts whose ids are kept."""


@dataclass(kw_only=True)
class CollatorConfig(Options):
    """Lengths in tokens, and which of the retrieved passages a question gets."""

    question_tokens: int = option(
        48, "Tokens of a question at most, with what the tokenizer puts round it; its end is cut", least=1
    )
    passage_tokens: int = option(
        160, "Tokens of a passage at most, with prefix and what stands round it; its end is cut", least=2
    )
    target_tokens: int = option(32, "Tokens of a target at most, with end of sequence; its end is cut", least=2)
    passages: int | None = option(None, "Candidates a question (K); all that were retrieved when null", least=1)
    passage_format: str = option("title: {title} context: {text}", "What a passage is encoded as; ends in {text}")
    ensure_gold: bool = option(False, "In training, make sure that the gold passages are among the K")
    sample: str = option(
        "first",
        "In training, the K candidates: 'first' of the retrieved, or 'random' (drawn from all of them)",
        choices=SAMPLES,
    )
    sample_from: int | None = option(
        None, "Where K are drawn at random: from the first so many of the retrieved; from all when null", least=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.sample_from is None or self.sample == "random", "sample_from", "null where sample is 'first'")
        PassageFormat(self.passage_format)


@dataclass(frozen=True, slots=True)
class _View:
    """A passage as a question sees it: the whole, or the text's tokens from ``start`` on."""

    passage: Passage
    start: int | None = None

    @property
    def id(self) -> str:
        """A part must never be taken for the passage in a memory store, so it has an id of its own."""
        return self.passage.id if self.start is None else f"{self.passage.id}@{self.start}"


class Collator:
    """Makes batches; ``find`` gives the text of gold passages that were not retrieved.

    Candidates are not shuffled: nothing in a reader depends on their order but the ties of a selector.

    Raises:
        ConfigError: a question or a passage has no room beside what the tokenizer puts round it.
    """

    def __init__(self, config: CollatorConfig, tokenizer: Tokenizer, find: FindPassage | None = None) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.find = find
        self._format = PassageFormat(config.passage_format)
        self._question_frame, self._passage_frame = tokenizer.question_frame, tokenizer.passage_frame
        for kind, frame in (("question", self._question_frame), ("passage", self._passage_frame)):
            most = getattr(config, f"{kind}_tokens")
            if most <= len(frame):
                raise ConfigError(
                    f"collator.{kind}_tokens = {most} leaves no room for a {kind}: the tokenizer puts {len(frame)} "
                    f"tokens round it; expected at least {len(frame) + 1}"
                )
        # By the text itself, so that an altered passage is never taken for the one whose id it has.
        self._encode = lru_cache(CACHED)(lambda text: array("i", tokenizer.encode(text)))

    def __call__(
        self,
        examples: Sequence[Example],
        passages: int | None = None,
        training: bool = False,
        seeds: Sequence[int] | None = None,
        window: int | None = None,
    ) -> Batch:
        """Make the batch of ``examples`` with at most ``passages`` candidates each (None = as configured).

        ``window`` cuts every passage whose text holds the evidence down to so many tokens of text round it, at a random
        place of the window, the title kept: the first lesson of a reader that learns from nothing. ``seeds``, one an
        example, decide the random choices of training, whatever other examples are in the batch; 0 without them.
        """
        config = self.config
        rngs = [random.Random(seed) for seed in seeds or [0] * len(examples)]
        k = config.passages if passages is None else passages
        chosen = [
            choose(
                example,
                k,
                ensure_gold=training and config.ensure_gold,
                sample=training and config.sample == "random",
                sample_from=config.sample_from,
                rng=rng,
                find=self.find,
            )
            for example, rng in zip(examples, rngs, strict=True)
        ]
        targets = [self.tokenizer.encode(example.target) for example in examples]
        evidence = [self._evidence(example, target) for example, target in zip(examples, targets, strict=True)]
        views = [
            [self._view(c.passage, spans, window, rng) for c in row]
            for row, spans, rng in zip(chosen, evidence, rngs, strict=True)
        ]
        rows: dict[_View, int] = {}
        index = [[rows.setdefault(view, len(rows)) for view in row] for row in views]
        encoded = {view: self._row(view, window) for view in rows}
        width = max([1, *map(len, index)])  # a row that can be ranked, even where no question has a candidate
        shape = (len(examples), width)
        end = [self.tokenizer.eos_id]
        pad = self.tokenizer.pad_id
        return Batch(
            ids=tuple(example.id for example in examples),
            tasks=tuple(example.task for example in examples),
            questions=Tokens.pad([self.encode_question(example.prompt) for example in examples], pad),
            passages=Tokens.pad(list(encoded.values()), pad),
            passage_ids=tuple(view.id for view in rows),
            index=torch.tensor([_filled(row, width, -1) for row in index], dtype=torch.long).view(shape),
            retrieval_scores=torch.tensor(
                [_filled([c.score for c in row], width, float("-inf")) for row in chosen], dtype=torch.float32
            ).view(shape),
            gold=torch.tensor([_filled([c.gold for c in row], width, False) for row in chosen]).bool().view(shape),
            targets=Tokens.pad([target[: config.target_tokens - 1] + end for target in targets], pad),
            evidence=torch.tensor(
                [
                    (b, k, place)
                    for b, (row, spans) in enumerate(zip(chosen, evidence, strict=True))
                    for k, candidate in enumerate(row)
                    if training and candidate.gold
                    for place in _starts(encoded[views[b][k]], spans)
                ],
                dtype=torch.long,
            ).view(-1, 3),
        )

    def encode_question(self, prompt: str) -> list[int]:
        """The ids of a prompt, in the tokenizer's frame for questions."""
        return self._question_frame.put_round(self.tokenizer.encode(prompt), self.config.question_tokens)

    def encode_passage(self, passage: Passage) -> list[int]:
        """The ids of a passage: prefix and text, in the tokenizer's frame for passages."""
        return self._row(_View(passage), None)

    def _evidence(self, example: Example, target: list[int]) -> list[list[int]]:
        """The ids of the texts that show the target."""
        return [self.tokenizer.encode(span) for span in example.evidence] or [target]

    def _view(self, passage: Passage, spans: list[list[int]], window: int | None, rng: random.Random) -> _View:
        if window is None:
            return _View(passage)
        text = self._encode(passage.text)
        places = [(place, len(span)) for span in spans for place in _places(text, span)]
        if not places or len(text) <= window:
            return _View(passage)
        place, size = rng.choice(places)
        first, last = max(0, place + size - window), min(place, len(text) - window)
        return _View(passage, rng.randint(min(first, last), last))

    def _row(self, view: _View, window: int | None) -> list[int]:
        prefix = self._encode(self._format.prefix(view.passage.title)).tolist()
        text = self._encode(view.passage.text).tolist()
        if view.start is not None and window is not None:
            text = text[view.start : view.start + window]
        return self._passage_frame.put_round(prefix + text, self.config.passage_tokens)


def _starts(row: list[int], spans: list[list[int]]) -> list[int]:
    """The tokens of an encoded passage at which one of ``spans`` starts, in order."""
    ids = array("i", row)
    return sorted({place for span in spans for place in _places(ids, span)})


def _places(text: "array[int]", target: list[int]) -> list[int]:
    """Where the target's ids stand within the text's; nowhere when there are none."""
    size = len(target)
    if not size:
        return []
    wanted = array("i", target)
    return [i for i in range(len(text) - size + 1) if text[i] == target[0] and text[i : i + size] == wanted]


def _filled(row: Sequence[T], width: int, filler: T) -> list[T]:
    return [*row, *[filler] * (width - len(row))]
