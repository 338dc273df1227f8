"""An encoder that makes one vector of a text.

Legend: N texts, T tokens, D width of the encoder, E width of a vector.
"""

import hashlib
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glimmer.data.files import content_hash
from glimmer.data.values import States, Tokens
from glimmer.memory.fingerprint import state_options
from glimmer.models.encoders.base import Encoder
from glimmer.retrieval.base import code_of


def mean(states: States) -> Tensor:
    """The mean ``[N, D]`` over real tokens, in float32; zeros where all is padding."""
    mask = states.mask[..., None]
    return (states.values.float() * mask).sum(1) / mask.sum(1).clamp(min=1)


def first(states: States) -> Tensor:
    """The first token's state ``[N, D]``, in float32."""
    return states.values[:, 0].float()


POOLINGS: Mapping[str, Callable[[States], Tensor]] = {"mean": mean, "first": first}


class TextEncoder(nn.Module):
    """The encoder's last states pooled, then projected where there is a map for it, and of length 1 where asked."""

    def __init__(self, encoder: Encoder, pooling: str, normalise: bool, projection: Tensor | None = None) -> None:
        """``projection`` is the weight ``[E, D]`` of a linear map without bias."""
        super().__init__()
        self.encoder = encoder
        self.pooling, self.normalise = pooling, normalise
        self.projection: Tensor | None
        self.register_buffer("projection", None if projection is None else projection.float())

    @property
    def width(self) -> int:
        """E."""
        return self.encoder.width if self.projection is None else self.projection.shape[0]

    def fingerprint(self) -> str:
        """A hash of all that decides the vectors but the tokens: options, code of the encoder, and weights.

        Raises:
            ConfigError: the encoder's class stands in no file.
        """
        options = state_options(self.encoder.config)
        digest = hashlib.sha256()
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(f"{name}{tuple(tensor.shape)}".encode())
            digest.update(tensor.to("cpu", torch.float32).contiguous().numpy().data)
        said = repr((sorted(options.items()), self.pooling, self.normalise))
        return content_hash(said, code_of(type(self.encoder), Encoder, __name__), digest.digest())

    @property
    def positions(self) -> int | None:
        """Tokens of a text at most; None where the encoder knows no end."""
        return getattr(self.encoder.config, "positions", None)

    def forward(self, tokens: Tokens) -> Tensor:
        """The vectors ``[N, E]``, float32, of ``tokens [N, T]``."""
        encoder = self.encoder
        states = encoder.finish(encoder.run(encoder.embed(tokens), 0, encoder.layers, None))
        vectors = POOLINGS[self.pooling](states)
        with torch.autocast(vectors.device.type, enabled=False):  # the little that is left is worth float32
            if self.projection is not None:
                vectors = F.linear(vectors, self.projection)
            return F.normalize(vectors, dim=-1) if self.normalise else vectors
