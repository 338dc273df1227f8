"""The arithmetic of a run: fp32, bf16 under autocast, or whichever the device is faster at."""

import logging
from functools import lru_cache

import torch

LOG = logging.getLogger(__name__)
PRECISIONS = ("auto", "fp32", "bf16")


def uses_bf16(precision: str, device: torch.device) -> bool:
    """Whether ``precision``, one of ``PRECISIONS``, is bf16 autocast on ``device``.

    A processor without bf16 products emulates them, up to a hundred times as slow as fp32: ``auto`` never takes them
    there, and asking for them is warned of.
    """
    if precision == "fp32":
        return False
    fast = has_fast_bf16(device)
    if precision == "bf16" and not fast:
        _warn(str(device))
    return fast or precision == "bf16"


def has_fast_bf16(device: torch.device) -> bool:
    """Whether bf16 products are at least as fast as fp32's: on accelerators, and on CPUs with instructions for them."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu":
        return True
    return _cpu_has_bf16()


@lru_cache(maxsize=1)
def _cpu_has_bf16() -> bool:
    if torch.backends.cpu.get_cpu_capability().startswith("AVX"):  # oneDNN says yes of any AVX-512, and emulates
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return bool(torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported())  # type: ignore[no-untyped-call]


@lru_cache
def _warn(device: str) -> None:
    LOG.warning("precision=bf16: %s has no bf16 products and emulates them, slowly; auto takes fp32 there", device)
