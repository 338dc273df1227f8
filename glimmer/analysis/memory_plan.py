"""What the memory of a corpus takes before any of it is written: bytes, multiply-adds and hours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from glimmer.analysis.compute import ReaderShape, passage_memory
from glimmer.analysis.stored import passage_bytes
from glimmer.analysis.tables import quantity, table
from glimmer.memory import Codec
from glimmer.memory.content import CONTENT

CORPORA: Mapping[str, int] = {"KILT's pages, 100 words": 22_200_000, "Wikipedia, 100 words": 36_000_000}
"""Passages of corpora that papers read from, rounded."""
BESIDE = 8 + 8 + 8 + CONTENT + 16
"""Bytes that find and check a passage: where its tokens and its id end, key and content; key and place in the index."""


@dataclass(frozen=True)
class MemoryPlan:
    """What encoding and storing a corpus takes."""

    passages: int
    tokens: int
    """Of all passages, as they are encoded."""
    state_bytes: int
    beside_bytes: int
    """What finds and checks passages: ids, offsets, hashes, index."""
    multiply_adds: int
    hours: float | None
    """None where no speed is given."""


def plan_memory(shape: ReaderShape, codec: Codec, passages: int, tokens_per_second: float | None = None) -> MemoryPlan:
    """The plan of ``passages`` of ``shape.passage`` tokens each, whose ids have as many digits as their number."""
    tokens = passages * shape.passage
    return MemoryPlan(
        passages=passages,
        tokens=tokens,
        state_bytes=passages * passage_bytes(codec, shape.passage),
        beside_bytes=passages * (BESIDE + len(str(passages))),
        multiply_adds=passages * passage_memory(shape),
        hours=None if tokens_per_second is None else tokens / tokens_per_second / 3600,
    )


def plan_table(plans: Mapping[str, MemoryPlan]) -> str:
    """A row a corpus."""
    header = ["corpus", "passages", "tokens", "states", "ids and index", "multiply-adds", "hours"]
    return table(header, [_row(name, plan) for name, plan in plans.items()])


def _row(name: str, plan: MemoryPlan) -> Sequence[str]:
    return [
        name,
        f"{plan.passages:,}",
        quantity(plan.tokens),
        f"{quantity(plan.state_bytes)}B",
        f"{quantity(plan.beside_bytes)}B",
        f"{plan.multiply_adds:.2e}",
        "–" if plan.hours is None else f"{plan.hours:,.1f}",
    ]
