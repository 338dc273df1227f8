"""The codec that a run's passages are stored by, and what its memory has learned against what a store was made with."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from glimmer.errors import StoreError
from glimmer.memory import CODECS, Codec, MemoryStore
from glimmer.models.reader import Reader
from glimmer.models.weights import MEMORY
from glimmer.registry import ComponentConfig


def chosen_codec(config: ComponentConfig | None, reader: Reader) -> Codec:
    """Build the codec of ``config``; None: the one that the memory has learned itself, or else raw.

    Raises:
        GlimmerError: it does not fit the reader, or the memory has still to learn.
    """
    own = reader.memory.codec() if config is None else None
    return own or CODECS.build(config or CODECS.configure("raw"), width=reader.encoder.width)


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
