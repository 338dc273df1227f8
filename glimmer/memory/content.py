"""What a store knows a passage by: a hash of its id, and one of its token ids.

Legend: P passages, T tokens.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from glimmer.data.index import key_of
from glimmer.data.values import Tokens

CONTENT = 16
"""Bytes of a content hash."""


def keys_of(passage_ids: Sequence[str]) -> NDArray[np.uint64]:
    """``key_of`` each id, ``[P]``."""
    return np.array([key_of(passage_id) for passage_id in passage_ids], dtype=np.uint64)


def content_of(tokens: Sequence[int] | NDArray[np.int64]) -> bytes:
    """Sixteen bytes of BLAKE2b of token ids, each a little-endian int32."""
    return hashlib.blake2b(np.asarray(tokens, dtype="<i4").tobytes(), digest_size=CONTENT).digest()


def contents_of(passages: Tokens) -> list[bytes]:
    """``content_of`` each row of ``[P, T]`` tokens, padding left out."""
    ids, lengths = passages.ids.cpu().numpy(), passages.mask.sum(1).tolist()
    return [content_of(row[:length]) for row, length in zip(ids, lengths, strict=True)]
