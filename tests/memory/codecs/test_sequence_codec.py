"""Codecs in sequence: each compresses what the one before it leaves."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from small_codecs import decoded, encoded, with_ids
from torch import Tensor

from glimmer.cli.codecs import codec_of
from glimmer.errors import GlimmerError, StoreError
from glimmer.memory import CODECS, Codec, MemoryStore
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.writer import write_store

PASSAGES = {f"p{n}": torch.randn(n, 8, generator=torch.Generator().manual_seed(n)) for n in (2, 5, 9)}


def build(text: str, width: int = 8) -> Codec:
    codec = CODECS.build(codec_of(text), width=width)
    if codec.sample:
        codec.fit(with_ids(list(PASSAGES.values())))
    return codec


def test_first_tokens_are_kept_and_the_others_are_not() -> None:
    codec = build("first_tokens,count=4")
    for states in PASSAGES.values():
        assert torch.equal(decoded(codec, encoded(codec, states)), states[:4])
        assert codec.stored_tokens(len(states)) == min(4, len(states))
    assert codec.bytes_per_token == 4 * 8


@pytest.mark.parametrize("last", ["raw", "raw,dtype=float16", "int8", "product,codes=16,subspaces=2"])
def test_a_sequence_is_its_parts_one_by_one(last: str) -> None:
    sequence, alone = build(f"first_tokens,count=4+{last}"), CODECS.build(codec_of(last), width=8)
    if alone.sample:
        alone.fit(with_ids([states[:4] for states in PASSAGES.values()]))
    states = PASSAGES["p9"]
    assert torch.equal(encoded(sequence, states), encoded(alone, states[:4]))
    assert torch.equal(decoded(sequence, encoded(sequence, states)), decoded(alone, encoded(alone, states[:4])))
    assert sequence.storage == alone.storage
    assert sequence.bytes_per_token == alone.bytes_per_token
    assert sequence.stored_tokens(9) == 4


@pytest.mark.parametrize("text", ["first_tokens,count=4+int8", "first_tokens,count=3+product,codes=16"])
def test_a_store_opens_with_its_sequence_again(tmp_path: Path, text: str) -> None:
    codec = build(text)
    rows = [(name, range(len(states)), states) for name, states in PASSAGES.items()]
    write_store(tmp_path / "store", rows, codec, Fingerprint("e", "w", 1, "t"))
    opened = MemoryStore(tmp_path / "store")
    assert asdict(opened.codec.config) == asdict(codec.config)
    read = opened.read(list(PASSAGES))
    for row, states in enumerate(PASSAGES.values()):
        kept = codec.stored_tokens(len(states))
        assert int(read.mask[row].sum()) == kept
        assert torch.equal(read.values[row, :kept], decoded(codec, encoded(codec, states)))


def test_a_part_learns_from_what_it_will_be_given() -> None:
    codec = build("first_tokens,count=2+product,codes=16")  # 6 tokens are kept, and held exactly
    for states in PASSAGES.values():
        assert torch.equal(decoded(codec, encoded(codec, states)), states[:2])
    assert list(codec.arrays()) == ["2.codebooks"]
    with pytest.raises(StoreError, match=r"has the parts 1, 2, found the array 3\.codebooks"):
        codec.load({"3.codebooks": np.zeros(1)})


def test_a_number_may_have_a_plus_sign() -> None:
    config = codec_of("product,codes=+32,sample=+64")
    assert (config.name, config.codes, config.sample) == ("product", 32, 64)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("int8+first_tokens", "codec int8 stores no float32 values for first_tokens to compress; put it last"),
        ("first_tokens,cuont=3+int8", "unknown key codec.codecs.1.cuont; did you mean 'count'?"),
        ("first_tokens,count=0+int8", "codec.codecs.1.count must be at least 1, found 0"),
        ("first_tokens+int9", "codec.codecs.2: unknown codec 'int9'; did you mean 'int8'?"),
        ("first_tokens,4+int8", "--codec first_tokens,4: expected NAME,KEY=VALUE,…; found '4'"),
        ("sequence", "codec.codecs must be one codec at least, found {}"),
        ("int8,scale=2", "unknown key codec.scale; "),
    ],
)
def test_a_mistake_names_its_place(text: str, message: str) -> None:
    with pytest.raises(GlimmerError) as caught:
        build(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_codec_decodes_rows_of_several_passages_at_once() -> None:
    small = "token_residual,codes=16,stages=2,subspaces=1,sample=16"
    for text in ("raw", "int8", "product,codes=16", "first_tokens,count=3", "first_tokens,count=3+int8", small):
        codec = build(text)
        rows = [encoded(codec, states) for states in PASSAGES.values()]
        together = codec.decode(torch.cat(rows), [len(some) for some in rows])
        assert together.dtype == torch.float32
        one_by_one: Tensor = torch.cat([decoded(codec, some) for some in rows])
        assert torch.equal(together, one_by_one)
