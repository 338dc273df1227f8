"""Residual quantisation beside token ids: every token is kept, and codes say how its state differs from others of it.

What a state owes to its own token needs no codes then: it is the mean of the token's states (side information, as in
SDR, Cohen et al. 2021). A reader that copies an answer has to tell tokens apart, which codes alone blur first.

Legend: N tokens, V token ids that were seen, D width.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from glimmer.errors import StoreError
from glimmer.memory.codecs.base import Sample, register_codec, require_finite
from glimmer.memory.codecs.residual import ResidualCodec, ResidualConfig
from glimmer.options import option

MEANS = "means"
"""The name of the learned array, float32 ``[1 + V, D]``: the mean of all states, then those of every token id."""
ID_BYTES = 2
"""Bytes of a token id, of which there can be 65,536."""


@dataclass(kw_only=True)
class TokenResidualConfig(ResidualConfig):
    """Options of residual quantisation beside token ids."""

    stages: int | None = option(
        None, "Codes of a subspace; null = as many as give one bit a dimension with the token's id", least=1
    )
    means_sample: int = option(262_144, "Tokens that the means of token ids are learned from", least=1)
    prior: float = option(3.0, "Tokens that the mean of all states counts for in the mean of a token id", least=0)


@register_codec("token_residual", TokenResidualConfig)
class TokenResidualCodec(ResidualCodec):
    """The token's id, and M codes of every subspace, whose vectors add up to the state less the token's mean.

    A row is the id in two bytes, little-endian, and then the codes as in ``residual``. A token that was not seen has
    the mean of all.
    """

    config: TokenResidualConfig

    def __init__(self, config: TokenResidualConfig, width: int) -> None:
        super().__init__(config, width)
        bits = width - 8 * ID_BYTES
        self.stages = config.stages or max(1, bits // (self.subspaces * config.bits))

    @property
    def columns(self) -> int:
        """Bytes of the id and the packed codes."""
        return ID_BYTES + super().columns

    @property
    def shapes(self) -> dict[str, tuple[int | None, ...]]:
        """``[1 + V, D]``, and ``[G, M, C, W]``."""
        return {MEANS: (None, self.width), **super().shapes}

    def encode(self, states: Tensor, token_ids: Tensor) -> Tensor:
        """Search for the codes that leave least of what the token's mean leaves.

        Raises:
            StoreError: a state is infinite or no number, an id does not fit into its bytes, or nothing is learned yet.
        """
        _require_small(token_ids)
        kept = torch.stack([token_ids & 0xFF, token_ids >> 8], 1).to(torch.uint8)
        rest = states.float() - _looked_up(self.learned(MEANS), token_ids)
        return torch.cat([kept, super().encode(rest, token_ids)], 1)

    def decode(self, rows: Tensor) -> Tensor:
        """Look the codes up, and add the tokens' means."""
        kept = rows[:, :ID_BYTES].long()
        return super().decode(rows[:, ID_BYTES:]).add_(_looked_up(self.learned(MEANS), kept[:, 0] | kept[:, 1] << 8))

    @property
    def sample(self) -> int:
        """What the means are learned from, until they are."""
        return max(super().sample, self.config.means_sample) if super().sample else 0

    def fit(self, sample: Sample) -> None:
        """Learn the means from all of the sample, and the codebooks from what they leave of random passages.

        Raises:
            StoreError: there is no state, one is infinite or no number, or an id does not fit into its bytes.
        """
        for _, token_ids in sample:
            _require_small(token_ids)
        means = _means(sample, self.width, self.config.prior)
        super().fit(list(self._remainders(sample, means)))
        require_finite(means, self.config.name)
        self._learned = {MEANS: means, **self._learned}

    def _remainders(self, sample: Sample, means: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """What ``means`` leave of random passages, of as many tokens as the codebooks are drawn from."""
        tokens = 0
        for row in torch.randperm(len(sample), generator=torch.Generator().manual_seed(self.config.seed)).tolist():
            states, token_ids = sample[row]
            yield states.float() - _looked_up(means, token_ids), token_ids
            tokens += len(states)
            if tokens >= self.config.sample:
                return


def _means(sample: Sample, width: int, prior: float) -> Tensor:
    """The mean ``[D]`` of all states, and those of every token id up to the largest: ``[1 + V, D]``.

    The mean of all counts for ``prior`` tokens in each.
    """
    largest = max((int(token_ids.max()) for _, token_ids in sample if len(token_ids)), default=-1)
    sums = torch.zeros(largest + 1, width, dtype=torch.double)
    counts = torch.zeros(largest + 1, 1, dtype=torch.double)
    for states, token_ids in sample:
        sums.index_add_(0, token_ids, states.double())
        counts.index_add_(0, token_ids, torch.ones(len(token_ids), 1, dtype=torch.double))
    mean = sums.sum(0, keepdim=True) / counts.sum()
    seen = torch.where(counts > 0, (sums + prior * mean) / (counts + prior).clamp(min=1), mean)
    return torch.cat([mean, seen]).float()


def _looked_up(means: Tensor, token_ids: Tensor) -> Tensor:
    """The means ``[N, D]`` of tokens ``[N]``; that of all for a token beyond those that were seen."""
    rows = token_ids + 1
    return means.index_select(0, rows.masked_fill(rows >= len(means), 0))


def _require_small(token_ids: Tensor) -> None:
    """Refuse ids that do not fit into their bytes."""
    largest = 256**ID_BYTES
    if len(token_ids) and int(token_ids.max()) >= largest:
        raise StoreError(
            f"the codec token_residual stores token ids below {largest:,}, and there is {int(token_ids.max()):,}; "
            "use residual, or a tokenizer with a smaller vocabulary"
        )
