"""The values that flow from disk to the reader: text first, then tensors.

Legend: B questions, P distinct passages of a batch, K passages of a question, T tokens, D width.
Masks are boolean, True = a real token.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from glimmer.data.spans import Span


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of the collection and, where known, the page that it was cut from, and from where."""

    id: str
    title: str
    text: str
    wikipedia_id: str | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an answer stands: a passage of the collection, or, as KILT's own files have it, a stretch of a page."""

    passage_id: str | None
    title: str = ""
    wikipedia_id: str | None = None
    evidence: tuple[str, ...] = ()
    """Spans of the passage that show the answer (KILT: ``meta.evidence_span``)."""
    span: Span | None = None
    """Where in the page; None = somewhere in it."""

    def names(self, passage: Passage) -> bool:
        """Whether the answer stands in ``passage``: it is the one named, or overlaps the stretch of the page."""
        if self.passage_id is not None:
            return passage.id == self.passage_id
        if self.wikipedia_id is None or passage.wikipedia_id != self.wikipedia_id:
            return False
        return self.span is None or passage.span is None or self.span.overlaps(passage.span)


@dataclass(frozen=True, slots=True)
class Output:
    """One valid answer of a record, with the evidence sets' members that support it; either may be missing."""

    answer: str | None
    provenance: tuple[Provenance, ...] = ()


@dataclass(frozen=True)
class Record:
    """A KILT record: a question, its valid outputs and free metadata."""

    id: str
    input: str
    outputs: tuple[Output, ...]
    meta: dict[str, Any] = field(default_factory=dict)
    line: int | None = field(default=None, compare=False)
    """Where in its file; for messages."""

    @property
    def answers(self) -> tuple[str, ...]:
        """The distinct non-empty answers, in file order."""
        return tuple(dict.fromkeys(o.answer.strip() for o in self.outputs if o.answer and o.answer.strip()))

    @property
    def gold_ids(self) -> frozenset[str]:
        """The ids of all gold passages that are named by id, over all outputs."""
        return frozenset(p.passage_id for o in self.outputs for p in o.provenance if p.passage_id is not None)

    @property
    def by_page(self) -> bool:
        """Whether what is gold is told by page rather than by passage id."""
        return any(p.passage_id is None for o in self.outputs for p in o.provenance)

    def is_gold(self, passage: Passage) -> bool:
        """Whether a provenance of any output names the passage."""
        return any(p.names(passage) for o in self.outputs for p in o.provenance)

    @property
    def evidence(self) -> tuple[str, ...]:
        """The distinct evidence spans of all outputs, in file order."""
        return tuple(dict.fromkeys(span for o in self.outputs for p in o.provenance for span in p.evidence))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A retrieved passage of a question: its retrieval score (higher is better) and whether it is gold."""

    passage: Passage
    score: float
    gold: bool


@dataclass(frozen=True)
class Example:
    """A question as a task poses it: the prompt text, one target, and the candidates in retrieval order.

    ``prompt`` carries the task's question prefix; passages get theirs from the tokenised prompt format.
    ``answers`` are all valid answers (for metrics); ``target`` is the text that the decoder learns. ``evidence`` are
    the texts in the gold passages that show it; empty = the target itself.
    """

    id: str
    task: str
    prompt: str
    target: str
    answers: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    record: Record | None = None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tokens:
    """Padded token ids ``[N, T]`` (int64) and their boolean mask ``[N, T]``."""

    ids: Tensor
    mask: Tensor

    @classmethod
    def pad(cls, rows: Sequence[Sequence[int]], padding: int = 0) -> Self:
        """Pad ragged rows on the right to the longest row."""
        width = max((len(row) for row in rows), default=0)
        ids = torch.full((len(rows), width), padding, dtype=torch.long)
        mask = torch.zeros((len(rows), width), dtype=torch.bool)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row, dtype=torch.long)
            mask[i, : len(row)] = True
        return cls(ids, mask)

    def placed(self, values: Tensor) -> Tensor:
        """Values ``[M]`` of the M real tokens, row by row, in their places ``[N, T]``; 0 where there is no token."""
        return values.new_zeros(self.mask.shape).masked_scatter(self.mask, values)

    def to(self, device: torch.device | str) -> "Tokens":
        """Copy to a device."""
        return Tokens(self.ids.to(device), self.mask.to(device))


@dataclass(frozen=True)
class States:
    """Token states ``values [..., T, D]`` and their mask ``[..., T]``."""

    values: Tensor
    mask: Tensor

    @classmethod
    def pad(cls, rows: Sequence[Tensor], width: int) -> Self:
        """Pad ragged ``[T, D]`` states on the right with zeros to the longest, ``[N, T, D]``; ``width`` is D."""
        like = rows[0] if rows else torch.zeros(0, width)
        lengths = torch.tensor([len(row) for row in rows], dtype=torch.long, device=like.device)
        values = like.new_zeros(len(rows), max((len(row) for row in rows), default=0), width)
        for place, row in zip(values, rows, strict=True):
            place[: len(row)] = row
        return cls(values, torch.arange(values.shape[1], device=like.device) < lengths[:, None])

    def rows(self, index: Tensor) -> "States":
        """Gather along the first dimension."""
        return States(self.values[index], self.mask[index])


@dataclass(frozen=True)
class Batch:
    """Everything that a reader needs for B questions.

    Every distinct passage is there once, however many questions retrieved it; ``index`` says which row of
    ``passages`` is the k-th candidate of a question, −1 where it has fewer than K. Padding of ``index`` is
    always at the end of a row; candidates stand in retrieval order. K is at least 1, also where no question has any.
    """

    ids: tuple[str, ...]
    """B record ids."""
    tasks: tuple[str, ...]
    """B task names."""
    questions: Tokens
    """``[B, Tq]``, in the tokenizer's frame for questions (T5: none)."""
    passages: Tokens
    """``[P, Tp]``, in the tokenizer's frame for passages (T5: the end-of-sequence token)."""
    passage_ids: tuple[str, ...]
    """P ids, the keys of a memory store."""
    index: Tensor
    """``[B, K]`` int64 rows of ``passages``, −1 = absent."""
    retrieval_scores: Tensor
    """``[B, K]`` float32, −inf where absent."""
    gold: Tensor
    """``[B, K]`` bool."""
    targets: Tokens
    """``[B, Tt]``, each ending in the end-of-sequence token."""
    evidence: Tensor = field(default_factory=lambda: torch.zeros(0, 3, dtype=torch.long))
    """``[E, 3]`` int64, in training: where evidence starts, as question b, candidate k, token t of the passage."""

    @property
    def present(self) -> Tensor:
        """``[B, K]`` bool: the candidate exists."""
        return self.index >= 0

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device | str) -> "Batch":
        """Copy every tensor to a device."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        moved: dict[str, Any] = {k: v.to(device) for k, v in values.items() if isinstance(v, Tensor | Tokens)}
        return replace(self, **moved)
