"""What made a memory, in a form that two machines can compare."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from glimmer.registry import ComponentConfig

PIECE = 1 << 21
"""Numbers of a parameter that are hashed at once."""


@dataclass(frozen=True)
class Fingerprint:
    """Equal fingerprints mean equal memories (up to float noise)."""

    encoder: str
    """Hash of the encoder's registered name and options, but for dropout, which no stored memory has seen."""
    weights: str
    """Hash of the parameters that the memory depends on, in float32, by pieces."""
    layers: int
    """The split: how many layers the memory has been through."""
    text: str
    """Hash of tokenizer, passage prompt and length limit."""

    def difference(self, other: "Fingerprint") -> str:
        """Name what differs, or an empty string."""
        names = {
            "encoder": "encoder options",
            "weights": "encoder weights",
            "layers": "memory layers",
            "text": "tokenizer, passage format or length limit",
        }
        return ", ".join(
            f"{label} ({getattr(self, key)} against {getattr(other, key)})"
            for key, label in names.items()
            if getattr(self, key) != getattr(other, key)
        )


def fingerprint(encoder: ComponentConfig, modules: Sequence[nn.Module], layers: int, text: str) -> Fingerprint:
    """Fingerprint the memory that ``modules`` of an encoder with these options make."""
    options = state_options(encoder)
    named = [item for module in modules for item in sorted(module.named_parameters())]
    digest = hashlib.sha256()
    with ThreadPoolExecutor() as pool:  # hashing a large piece lets other threads run
        pieces = [(name, pool.map(_digest, _pieces(parameter))) for name, parameter in named]
        for (name, parameter), (_, digests) in zip(named, pieces, strict=True):
            digest.update(f"{name}{tuple(parameter.shape)}".encode() + b"".join(digests))
    made_of = hashlib.sha256(json.dumps(options, sort_keys=True, default=str).encode())
    return Fingerprint(made_of.hexdigest()[:16], digest.hexdigest()[:16], layers, text)


def state_options(encoder: ComponentConfig) -> dict[str, Any]:
    """An encoder's options but for dropout, which nothing that is stored has seen."""
    return {key: value for key, value in asdict(encoder).items() if not key.endswith("dropout")}


def _pieces(parameter: nn.Parameter) -> list[Tensor]:
    flat = parameter.detach().reshape(-1)
    return [flat[start : start + PIECE] for start in range(0, len(flat), PIECE)]


def _digest(piece: Tensor) -> bytes:
    values = piece.to("cpu", torch.float32).contiguous().numpy()
    return hashlib.sha256(values.data).digest()  # processors have instructions for it; BLAKE2b takes twice the time
