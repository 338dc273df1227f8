"""How much of the bare encoder's speed is left when what it makes is written into a store.

``glimmer memory throughput`` prints what this measures; no figure of it is asserted anywhere.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch

from glimmer.analysis.growth import timed
from glimmer.analysis.tables import table
from glimmer.data.values import Passage
from glimmer.inference.encode import batches_of, encode_batch, encode_passages
from glimmer.inference.run import LoadedRun
from glimmer.registry import ComponentConfig


@dataclass(frozen=True)
class Throughput:
    """Median seconds of the same passages, in the same batches."""

    passages: int
    tokens: int
    encoder_s: float
    """Of the encoder alone, on batches that lie ready."""
    store_s: float
    """Of tokenizing, encoding, and writing a store."""

    def content(self) -> dict[str, Any]:
        """As plain types."""
        return {
            "passages": self.passages,
            "tokens": self.tokens,
            "encoder_tokens_per_second": self.tokens / self.encoder_s,
            "store_tokens_per_second": self.tokens / self.store_s,
            "ratio": self.encoder_s / self.store_s,
        }


def measure_throughput(
    run: LoadedRun,
    passages: Sequence[Passage],
    folder: Path,
    codec: ComponentConfig | None,
    *,
    batch_size: int,
    repeats: int,
) -> Throughput:
    """Encode ``passages`` without a store and into one of one shard within ``folder``, in turn.

    Raises:
        GlimmerError: see ``encode_passages``.
    """
    batches = [tokens for _, tokens in batches_of(run, passages, batch_size)]

    def encode() -> None:
        for tokens in batches:
            encode_batch(run, tokens)
        if run.device.type == "cuda":
            torch.cuda.synchronize()

    def write() -> None:
        encode_passages(run, passages, folder / "store", codec, batch_size=batch_size, shard_passages=len(passages))

    encode()  # what is made ready once is neither's
    times: list[tuple[float, float]] = []
    for _ in range(repeats):
        times.append((timed(encode), timed(write)))
        shutil.rmtree(folder / "store")
    encoder_s, store_s = (median(column) for column in zip(*times, strict=True))
    return Throughput(len(passages), sum(int(tokens.mask.sum()) for tokens in batches), encoder_s, store_s)


def throughput_table(found: Throughput) -> str:
    """A row a way."""
    rows = [
        [name, f"{seconds:.2f}", f"{found.tokens / seconds:,.0f}", f"{found.encoder_s / seconds:.1%}"]
        for name, seconds in (("the encoder alone", found.encoder_s), ("into a store", found.store_s))
    ]
    return table(["encoded", "s", "tokens/s", "of the encoder's"], rows)
