"""Codes are packed without a bit between them, as documented to the bit."""

import pytest
import torch

from glimmer.memory.codecs.packing import pack, packed_bytes, unpack


def bits_of(codes: list[int], bits: int) -> bytes:
    """The documented layout, one bit at a time."""
    packed = bytearray((len(codes) * bits + 7) // 8)
    for j, code in enumerate(codes):
        for i in range(bits):
            place = j * bits + i
            packed[place // 8] |= (code >> i & 1) << place % 8
    return bytes(packed)


@pytest.mark.parametrize("count", [1, 2, 7, 8, 13])
@pytest.mark.parametrize("bits", range(4, 17))
def test_every_width_is_packed_as_documented_and_read_back(bits: int, count: int) -> None:
    generator = torch.Generator().manual_seed(bits)
    codes = torch.randint(0, 1 << bits, (20, count), generator=generator)
    codes[0], codes[1] = 0, (1 << bits) - 1
    packed = pack(codes, bits)
    assert packed.dtype == torch.uint8
    assert packed.shape == (20, packed_bytes(count, bits))
    assert [bytes(row.tolist()) for row in packed] == [bits_of(row.tolist(), bits) for row in codes]
    assert torch.equal(unpack(packed, count, bits).long(), codes)


def test_the_example_of_the_documentation() -> None:
    assert bytes(pack(torch.tensor([[0xABC, 0xDEF]]), 12)[0].tolist()) == bytes([0xBC, 0xFA, 0xDE])


def test_no_rows_are_packed_to_none() -> None:
    empty = torch.zeros(0, 5, dtype=torch.long)
    assert pack(empty, 12).shape == (0, 8)
    assert unpack(pack(empty, 12), 5, 12).shape == (0, 5)
