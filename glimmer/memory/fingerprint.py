"""What made a memory, in a form that two machines can compare."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import nn

from glimmer.registry import ComponentConfig


@dataclass(frozen=True)
class Fingerprint:
    """Equal fingerprints mean equal memories (up to float noise)."""

    encoder: str
    """Hash of the encoder's registered name and options, but for dropout, which no stored memory has seen."""
    weights: str
    """Hash of the parameters that the memory depends on, in float32."""
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
            "text": "tokenizer or passage prompt",
        }
        return ", ".join(
            f"{label} ({getattr(self, key)} against {getattr(other, key)})"
            for key, label in names.items()
            if getattr(self, key) != getattr(other, key)
        )


def fingerprint(encoder: ComponentConfig, modules: Sequence[nn.Module], layers: int, text: str) -> Fingerprint:
    """Fingerprint the memory that ``modules`` of an encoder with these options make."""
    options = {key: value for key, value in asdict(encoder).items() if key != "dropout"}
    digest = hashlib.sha256()
    for module in modules:
        for name, parameter in sorted(module.named_parameters()):
            digest.update(f"{name}{tuple(parameter.shape)}".encode())
            digest.update(parameter.detach().to("cpu", torch.float32).contiguous().numpy().tobytes())
    made_of = hashlib.sha256(json.dumps(options, sort_keys=True, default=str).encode())
    return Fingerprint(made_of.hexdigest()[:16], digest.hexdigest()[:16], layers, text)
