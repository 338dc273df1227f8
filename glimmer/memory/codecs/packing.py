"""Codes of any number of bits side by side in bytes, without a bit between them.

A row of codes is one string of bits, the least significant bit of the first code first: bit i of the string is bit
``i % 8`` (of value ``2 ** (i % 8)``) of byte ``i // 8``, and code j has the bits ``j·b … j·b + b − 1``. The last byte
is filled up with zeros. So two codes of 12 bits, 0xabc and 0xdef, are the bytes bc fa de.

Legend: N rows, G codes a row, b bits a code, at most 16.
"""

import torch
from torch import Tensor
from torch.nn import functional


def packed_bytes(codes: int, bits: int) -> int:
    """Bytes of a row of so many codes."""
    return (codes * bits + 7) // 8


def pack(codes: Tensor, bits: int) -> Tensor:
    """Pack codes ``[N, G]``, each below 2^b, into uint8 ``[N, ⌈G·b / 8⌉]``."""
    if bits == 8:
        return codes.to(torch.uint8)
    rows, count = codes.shape
    first, shift = _places(count, bits, codes.device)
    shifted = codes.to(torch.int32) << shift
    # A code touches three bytes at most. Codes share bytes but no bits, so that adding is joining.
    packed = torch.zeros(rows, packed_bytes(count, bits) + 2, dtype=torch.int32, device=codes.device)
    for byte in range(3):
        packed.index_add_(1, first + byte, (shifted >> (8 * byte)) & 0xFF)
    return packed[:, :-2].to(torch.uint8)


def unpack(packed: Tensor, count: int, bits: int) -> Tensor:
    """The int32 codes ``[N, G]`` of rows that ``pack`` made of ``count`` codes each."""
    if bits == 8:
        return packed.to(torch.int32)
    first, shift = _places(count, bits, packed.device)
    wide = functional.pad(packed, (0, 2)).to(torch.int32)
    joined = wide.index_select(1, first)
    for byte in range(1, 1 + (bits + 6) // 8):
        joined |= wide.index_select(1, first + byte) << (8 * byte)
    return (joined >> shift) & ((1 << bits) - 1)


def _places(count: int, bits: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Of every code, its first byte and by how many bits it is shifted there."""
    begin = torch.arange(count, device=device) * bits
    return begin // 8, (begin % 8).to(torch.int32)
