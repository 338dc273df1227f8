"""The codec that a run's passages are stored by: the memory's own, or one that learns from some of them first."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from glimmer.data.values import Passage
from glimmer.errors import StoreError
from glimmer.memory import CODECS, Codec, MemoryStore
from glimmer.models.reader import Reader
from glimmer.models.weights import MEMORY
from glimmer.registry import ComponentConfig

Encode = Callable[[Sequence[Passage]], Iterable[Tensor]]
"""Passages' states ``[T, D]``, in any order."""
CHUNK = 256
"""How many passages are encoded before it is asked whether they are enough."""


def chosen_codec(config: ComponentConfig | None, reader: Reader) -> Codec:
    """Build the codec of ``config``; None: the one that the memory has learned itself, or else raw.

    Raises:
        GlimmerError: it does not fit the reader, or the memory has still to learn.
    """
    own = reader.memory.codec() if config is None else None
    return own or CODECS.build(config or CODECS.configure("raw"), width=reader.encoder.width)


def fit_codec(codec: Codec, passages: Sequence[Passage], encode: Encode, progress: bool = False) -> None:
    """Have ``codec`` learn, if it must, from as many random passages as it takes.

    Raises:
        StoreError: it cannot learn from these passages.
    """
    if not codec.sample:
        return
    order = torch.randperm(len(passages), generator=torch.Generator().manual_seed(0)).tolist()
    sample: list[Tensor] = []
    tokens = 0
    with tqdm(total=codec.sample, unit="token", desc=f"sample for {codec.config.name}", disable=not progress) as bar:
        for start in range(0, len(order), CHUNK):
            if tokens >= codec.sample:
                break
            for states in encode([passages[row] for row in order[start : start + CHUNK]]):
                sample.append(states)
                tokens += codec.stored_tokens(len(states))
            bar.update(tokens - bar.n)
    codec.fit(sample)


def require_learned(store: MemoryStore, weights: Mapping[str, Tensor]) -> None:
    """Refuse a store whose codec has learned something else than the memory of a reader's state ``weights``.

    What the fingerprint tells of is the encoder alone, and memory of one encoder can be quantised by many codebooks.

    Raises:
        StoreError: names the array that differs.
    """
    for name, array in store.codec.arrays().items():
        own = weights.get(f"{MEMORY}.{name}")
        if own is not None and own.shape == array.shape and not np.array_equal(own.cpu().numpy(), array):
            raise StoreError(
                f"the memory in {store.path} was stored with other {name} than this run has learned; "
                "encode it again with `glimmer encode`"
            )
