"""Product quantisation stores what its codebooks say, in as many bytes as promised."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from small_codecs import decoded, encoded, with_ids
from torch import Tensor

from glimmer.errors import ConfigError, StoreError
from glimmer.memory import CODECS, Codec, MemoryStore
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.writer import write_store


def product(width: int, **options: object) -> Codec:
    return CODECS.build(CODECS.configure("product", **options), width=width)


def states(tokens: int, width: int, seed: int = 0) -> Tensor:
    return torch.randn(tokens, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("width", "options", "stored"),
    [
        (4096, {"codes": 65_536, "sample": 65_536}, 512),  # MEMORY-VQ at XXL: 8 KB to half a KB
        (768, {}, 96),
        (768, {"codes": 4096}, 96),
        (768, {"codes": 4096, "subspaces": 48}, 72),
        (768, {"codes": 16}, 96),
        (768, {"codes": 2049, "subspaces": 3}, 5),  # 3 · 12 bits
    ],
)
def test_a_token_takes_its_codes_bits(width: int, options: dict[str, int], stored: int) -> None:
    assert product(width, **options).bytes_per_token == stored


@pytest.mark.parametrize("codes", [16, 100, 256, 300])
def test_codes_are_of_the_nearest_vectors(codes: int) -> None:
    codec = product(12, codes=codes, subspaces=3, iterations=2, rounds=4)
    sample = states(700, 12)
    codec.fit(with_ids([sample[:300], sample[300:]]))
    fresh = states(50, 12, seed=1)
    rows = encoded(codec, fresh)
    assert (rows.dtype, rows.shape) == (torch.uint8, (50, math.ceil(3 * (codes - 1).bit_length() / 8)))
    codebooks = torch.from_numpy(codec.arrays()["codebooks"])
    distances = (fresh.view(50, 3, 1, 4) - codebooks).square().sum(-1)
    expected = torch.stack([codebooks[g, distances[:, g].argmin(1)] for g in range(3)], 1).view(50, 12)
    assert torch.equal(decoded(codec, rows), expected)
    assert torch.equal(decoded(codec, rows[7:9]), expected[7:9])
    assert decoded(codec, rows[:0]).shape == (0, 12)


def test_more_codes_lose_less() -> None:
    sample = states(600, 8)
    errors = []
    for codes in (16, 64, 256):
        codec = product(8, codes=codes, subspaces=2, iterations=2, rounds=4)
        codec.fit(with_ids([sample]))
        errors.append(float((decoded(codec, encoded(codec, sample)) - sample).square().mean()))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < 0.6


def test_what_is_learned_is_loaded_elsewhere_and_decides_alone() -> None:
    first, second = product(8, codes=16, seed=3), product(8, codes=16)
    first.fit(with_ids([states(300, 8)]))
    assert first.sample == 0
    second.load(first.arrays())
    assert second.sample == 0
    assert torch.equal(encoded(first, states(9, 8, 1)), encoded(second, states(9, 8, 1)))


def test_tokens_of_the_whole_sample_are_learned_from() -> None:
    codec = product(8, codes=16, subspaces=1, sample=16)
    sample = torch.cat([torch.zeros(50, 8), torch.ones(50, 8)])
    codec.fit(with_ids([sample]))
    assert torch.equal(decoded(codec, encoded(codec, sample)), sample)


def test_a_store_keeps_the_codebooks_and_every_bit_of_them_counts(tmp_path: Path) -> None:
    codec = product(8, codes=16)
    passages = {name: states(n, 8, seed=n) for n, name in ((3, "a"), (5, "b"))}
    codec.fit(with_ids(list(passages.values())))
    rows = [(name, range(len(values)), values) for name, values in passages.items()]
    write_store(tmp_path / "store", rows, codec, Fingerprint("e", "w", 1, "t"))
    opened = MemoryStore(tmp_path / "store")
    read = opened.read(["b", "a"])
    # 8 tokens and 16 codes: the codebooks hold every vector, so that nothing is lost.
    assert torch.equal(read.values[0], passages["b"])
    assert torch.equal(read.values[1, :3], passages["a"])
    file = tmp_path / "store" / "codec" / "codebooks.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"codec/codebooks\.npy is damaged: its checksum"):
        MemoryStore(tmp_path / "store", verify=True)
    file.unlink()
    with pytest.raises(StoreError, match=r"codec/codebooks\.npy is missing"):
        MemoryStore(tmp_path / "store")


def test_nothing_is_stored_before_something_is_learned() -> None:
    codec = product(8, codes=16)
    assert codec.sample == 65_536
    assert codec.arrays() == {}
    with pytest.raises(StoreError, match="product has no codebooks yet"):
        encoded(codec, states(2, 8))
    with pytest.raises(StoreError, match="no states to learn its codebooks from"):
        codec.fit(with_ids([]))


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"codebooks": np.zeros((2, 16, 3), np.float32)},
        {"codebooks": np.zeros((2, 16, 4), np.float64)},
        {"codebook": np.zeros((2, 16, 4), np.float32)},
    ],
)
def test_codebooks_of_another_codec_are_refused(arrays: dict[str, np.ndarray]) -> None:
    with pytest.raises(StoreError, match=r"needs the array codebooks, float32 of \(2, 16, 4\); found"):
        product(8, codes=16, subspaces=2).load(arrays)


def test_a_codec_that_learns_nothing_says_so() -> None:
    raw = CODECS.build(CODECS.configure("raw"), width=4)
    assert (raw.sample, raw.arrays()) == (0, {})
    with pytest.raises(StoreError, match="the codec raw has no arrays, found codebooks"):
        raw.load({"codebooks": np.zeros(1)})
    with pytest.raises(StoreError, match="the codec raw has nothing to learn"):
        raw.fit(with_ids([]))


@pytest.mark.parametrize(
    ("width", "options", "message"),
    [
        (20, {"codes": 256}, "subspaces: 20 dimensions are not cut evenly into subspaces of 8, a code's bits; use "),
        (20, {"codes": 256, "subspaces": 6}, "20 dimensions are not cut evenly into 6 subspaces; use subspaces=5"),
        (4, {"codes": 256}, "4 dimensions are not cut evenly into subspaces of 8, a code's bits; use subspaces=1"),
        (4, {"codes": 15}, "codes must be from 16 to 65536, found 15"),
        (4, {"codes": 65_537}, "codes must be from 16 to 65536, found 65537"),
        (4, {"codes": 1024, "sample": 1023}, "sample must be at least codes = 1024, found 1023"),
    ],
)
def test_sizes_that_cannot_work(width: int, options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        product(width, **options)
    assert message in str(caught.value)
