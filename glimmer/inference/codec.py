"""The codec that a run's passages are stored by: the memory's own, or one that learns from some of them first."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor
from tqdm import tqdm

from glimmer.data.values import Passage
from glimmer.memory import CODECS, Codec
from glimmer.models.reader import Reader
from glimmer.registry import ComponentConfig

Encode = Callable[[Sequence[Passage]], Iterable[Tensor]]
"""Passages' states ``[T, D]``, in any order."""
CHUNK = 256
"""How many passages are encoded before it is asked whether they are enough."""


def prepared_codec(
    config: ComponentConfig | None,
    reader: Reader,
    passages: Sequence[Passage],
    encode: Encode,
    progress: bool = False,
) -> Codec:
    """Build the codec of ``config``, None meaning the memory's own or else raw, and have it learn where it must.

    Raises:
        GlimmerError: the codec does not fit the reader, or cannot learn from these passages.
    """
    if config is None:
        own = reader.memory.codec()
        return CODECS.build(CODECS.configure("raw"), width=reader.encoder.width) if own is None else own
    codec = CODECS.build(config, width=reader.encoder.width)
    if codec.sample:
        _fit(codec, passages, encode, progress)
    return codec


def _fit(codec: Codec, passages: Sequence[Passage], encode: Encode, progress: bool) -> None:
    """Have ``codec`` learn from as many random passages as it takes."""
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
