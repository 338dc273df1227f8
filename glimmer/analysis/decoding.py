"""What gathering and decoding a question's memories costs, by codec, beside one live layer that reads them.

``glimmer memory benchmark`` prints what this measures; no figure of it is asserted anywhere.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import torch

from glimmer.analysis.growth import GATHERED, SYNTHETIC, Sizes, drawn, timed
from glimmer.analysis.tables import table
from glimmer.data.values import States
from glimmer.memory import CODECS, Codec, MemoryStore
from glimmer.memory.codecs import Sample
from glimmer.memory.writer import write_store
from glimmer.models.encoders.t5 import T5Encoder, T5EncoderConfig
from glimmer.precision import uses_bf16
from glimmer.registry import ComponentConfig

COMPARED: Mapping[str, Mapping[str, object]] = {
    "raw": {},
    "int8": {},
    "product": {"sample": 2048, "iterations": 1},
    "optimised_product": {"sample": 2048, "iterations": 1, "turns": 0},
    "residual": {"sample": 2048, "iterations": 1, "beam": 1},
    "token_residual": {"sample": 2048, "iterations": 1, "beam": 1},
}
"""Codecs by name, with options that make them quickly: how well they have learned changes no time of decoding."""
VOCABULARY = 32_000
"""Token ids of the synthetic passages are below it."""


@dataclass(frozen=True)
class Decoding:
    """What memories of one codec cost to read."""

    bytes_per_token: int
    read_s: float
    """Median time of finding, gathering and decoding the passages of a question."""


@dataclass(frozen=True)
class DecodingCosts:
    """Medians of alternating repeats."""

    layer_s: float
    """Of one layer of a T5 v1.1 base encoder over the same passages, in the precision ``auto`` of a CPU."""
    codecs: Mapping[str, Decoding]


def measure_decoding(folder: Path, sizes: Sizes, repeats: int = 20) -> DecodingCosts:
    """Read random passages of synthetic stores of ``sizes`` within ``folder``, and run the layer on as many, in turn.

    The layer's width is that of ``sizes``; its other sizes are as in T5 base, in proportion.
    """
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(sizes.passages, sizes.tokens, sizes.width, generator=generator)
    passages = list(zip(states, torch.randint(VOCABULARY, states.shape[:2], generator=generator), strict=True))
    made = {name: _codec(name, passages) for name in COMPARED}
    stores = {name: _store(folder / name, codec, passages) for name, codec in made.items()}
    draw = random.Random(0)
    layer = _layer(states[:GATHERED])
    taken: list[float] = []
    times: dict[str, list[float]] = {name: [] for name in stores}
    for _ in range(repeats + 1):  # the first one touches every page
        ids = drawn(draw, sizes.passages)
        taken.append(timed(layer))
        for name, store in stores.items():
            times[name].append(timed(partial(store.read, ids)))
    return DecodingCosts(
        median(taken[1:]),
        {name: Decoding(codec.bytes_per_token, median(times[name][1:])) for name, codec in made.items()},
    )


def decoding_table(found: DecodingCosts) -> str:
    """A row a codec, beside the layer."""
    rows = [["one live layer", "", f"{1e3 * found.layer_s:.1f}", "1.00"]]
    rows += [
        [name, f"{cost.bytes_per_token:,}", f"{1e3 * cost.read_s:.1f}", f"{cost.read_s / found.layer_s:.2f}"]
        for name, cost in found.codecs.items()
    ]
    return table(["gathered and decoded", "bytes a token", "ms", "of the layer's"], rows)


def _codec(name: str, passages: Sample) -> Codec:
    config: ComponentConfig = CODECS.configure(name, **COMPARED[name])
    codec = CODECS.build(config, width=passages[0][0].shape[-1])
    if codec.sample:
        codec.fit(passages)
    return codec


def _store(path: Path, codec: Codec, passages: Sample) -> MemoryStore:
    rows = [(f"passage-{row}", token_ids.tolist(), states) for row, (states, token_ids) in enumerate(passages)]
    write_store(path, rows, codec, SYNTHETIC)
    return MemoryStore(path)


def _layer(states: torch.Tensor) -> Callable[[], None]:
    """Something that runs a layer over ``states [N, T, D]``."""
    width = states.shape[-1]
    heads = max(1, width // 64)
    config = T5EncoderConfig(
        layers=1, width=width, heads=heads, head_width=width // heads, feed_forward=width * 8 // 3, dropout=0.0
    )
    encoder = T5Encoder(config, vocabulary=1, live_layers=1).eval()
    given = States(states, torch.ones(states.shape[:2], dtype=torch.bool))
    bf16 = uses_bf16("auto", states.device)

    def run() -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            encoder.run(given, 0, 1, None)

    return run
