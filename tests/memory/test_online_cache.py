"""Frozen memory that is kept: a passage is encoded once, and again where its memory would be another."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from glimmer.data.values import States, Tokens
from glimmer.errors import ConfigError
from glimmer.memory import MEMORIES, OnlineMemory
from glimmer.memory.cache import CacheUse

WIDTH = 4
ROWS = [[5, 6, 7], [8], [5, 6], [9, 9, 9, 9], [5, 6, 7, 0]]


class Encoder(nn.Module):
    """A row's states depend on its tokens alone; remembers which rows it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, WIDTH)
        self.rows: list[list[int]] = []

    def forward(self, passages: Tokens) -> States:
        self.rows += [row[mask].tolist() for row, mask in zip(passages.ids, passages.mask, strict=True)]
        return States(self.embedding(passages.ids).cumsum(1), passages.mask)


def memory(encoder: Encoder, cache_bytes: int = 1 << 20) -> Callable[..., States]:
    made = MEMORIES.build(MEMORIES.configure("online", frozen=True, cache_bytes=cache_bytes), text_fingerprint="text")
    assert isinstance(made, OnlineMemory)
    made.prepare([encoder], lambda: None)  # type: ignore[arg-type, return-value]

    def read(*numbers: int) -> States:
        found: States = made(encoder, Tokens.pad([ROWS[number] for number in numbers]), ())
        return found

    read.memory = made  # type: ignore[attr-defined]
    return read


@pytest.mark.parametrize("cache_bytes", [1, 200, 1 << 20])
def test_what_is_kept_is_what_would_be_encoded(cache_bytes: int) -> None:
    encoder = Encoder()
    plain, keeping = memory(encoder, 0), memory(encoder, cache_bytes)
    for turn in [(0, 1), (1, 0, 2), (), (3,), (4, 0), (0, 1, 2, 3, 4), (2, 2)]:
        expected, found = plain(*turn), keeping(*turn)
        assert torch.equal(found.mask, expected.mask)
        assert torch.equal(found.values[found.mask], expected.values[expected.mask])
        assert not found.values.requires_grad


def test_a_passage_is_encoded_once_by_its_tokens() -> None:
    encoder = Encoder()
    read = memory(encoder)
    read(0, 1)
    read(1, 2)
    read(2, 1, 0)
    assert encoder.rows == [ROWS[0], ROWS[1], ROWS[2]]
    read(4)
    assert encoder.rows[-1] == ROWS[4], "a token like padding is a token"
    assert read.memory.cache.use == CacheUse(4, 4, 4, 4 * WIDTH * (3 + 1 + 2 + 4))  # type: ignore[attr-defined]


def test_other_weights_or_another_arithmetic_make_another_memory() -> None:
    encoder = Encoder()
    read = memory(encoder)
    before = read(0).values
    encoder.load_state_dict({"embedding.weight": torch.ones(10, WIDTH)})
    after = read(0).values
    assert not torch.equal(before, after)
    assert torch.equal(after[0, :, 0], torch.tensor([1.0, 2, 3]))
    with torch.autocast("cpu", torch.bfloat16):
        read(0)
    assert encoder.rows == [ROWS[0]] * 3


def test_memory_that_changes_is_not_kept() -> None:
    with pytest.raises(ConfigError, match=r"cache_bytes.*must be 0 where memory is not frozen"):
        MEMORIES.configure("online", cache_bytes=100)
