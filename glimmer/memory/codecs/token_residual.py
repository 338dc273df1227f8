"""Residual quantisation beside token ids: codes say how a state differs from what its tokens let expect.

Most of a state follows from the token and its neighbours, and token ids take two bytes. So they are kept, a state is
predicted from them by vectors that they add up to, and codes have to tell the rest alone (side information, as in SDR,
arXiv 2110.02065, which learns a network for it). A reader that copies an answer has to tell tokens apart, which codes
alone blur first.

Legend: P passages, N tokens of all of them, V token ids that were seen, D width, K neighbours and the token itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from glimmer.errors import StoreError
from glimmer.memory.codecs.base import Sample, register_codec, require_finite
from glimmer.memory.codecs.residual import ResidualCodec, ResidualConfig
from glimmer.options import option

MEAN, EFFECTS = "mean", "effects"
"""The names of the learned arrays: float32 ``[D]``, the mean of all states, and ``[K, 1 + V, D]``, what a token id adds
to the state of a token so many places before or after it; row 0 is 0, for the places beyond a passage."""
ID_BYTES = 2
"""Bytes of a token id, of which there can be 65,536."""


@dataclass(kw_only=True)
class TokenResidualConfig(ResidualConfig):
    """Options of residual quantisation beside token ids."""

    stages: int | None = option(
        None, "Codes of a subspace; null = as many as give one bit a dimension with the token's id", least=1
    )
    reach: int = option(1, "Neighbours on either side that a state is predicted from, beside its own token", least=0)
    predictor_sample: int = option(262_144, "Tokens that the prediction is learned from", least=1)
    sweeps: int = option(8, "How often each neighbour's effect is fitted to what the others leave", least=1)
    prior: float = option(1.0, "Tokens with nothing to add that count in each of a token id's effects", least=0)


@register_codec("token_residual", TokenResidualConfig)
class TokenResidualCodec(ResidualCodec):
    """The token's id, and M codes of every subspace, whose vectors add up to the state less its prediction.

    A row is the id in two bytes, little-endian, and then the codes as in ``residual``.
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
        """``[D]``, ``[K, 1 + V, D]`` and ``[G, M, C, W]``."""
        return {MEAN: (self.width,), EFFECTS: (1 + 2 * self.config.reach, None, self.width), **super().shapes}

    def encode(self, states: Tensor, token_ids: Tensor) -> Tensor:
        """Search for the codes that leave least of what the prediction leaves.

        Raises:
            StoreError: a state is infinite or no number, an id does not fit into its bytes, or nothing is learned yet.
        """
        _require_small(token_ids)
        kept = torch.stack([token_ids & 0xFF, token_ids >> 8], 1).to(torch.uint8)
        rest = states.float() - self._predicted(token_ids, [len(token_ids)])
        return torch.cat([kept, super().encode(rest, token_ids)], 1)

    def decode(self, rows: Tensor, lengths: Sequence[int]) -> Tensor:
        """Look the codes up, and add the predictions."""
        kept = rows[:, :ID_BYTES].long()
        predicted = self._predicted(kept[:, 0] | kept[:, 1] << 8, lengths)
        return super().decode(rows[:, ID_BYTES:], lengths).add_(predicted)

    @property
    def sample(self) -> int:
        """What the prediction and the codebooks are learned from, until they are."""
        return super().sample and max(super().sample, self.config.predictor_sample)

    def fit(self, sample: Sample) -> None:
        """Learn the prediction from all of the sample, and the codebooks from what it leaves of random passages.

        Raises:
            StoreError: there is no state, one is infinite or no number, or an id does not fit into its bytes.
        """
        for states, token_ids in sample:
            _require_small(token_ids)
            require_finite(states, self.config.name)
        config = self.config
        mean, effects = fit_effects(sample, self.width, config.reach, config.sweeps, config.prior)
        super().fit(list(self._remainders(sample, mean, effects)))
        self._learned = {MEAN: mean, EFFECTS: effects, **self._learned}

    def _predicted(self, token_ids: Tensor, lengths: Sequence[int]) -> Tensor:
        """``[N, D]``."""
        return predict(self.learned(MEAN), self.learned(EFFECTS), token_ids, lengths)

    def _remainders(self, sample: Sample, mean: Tensor, effects: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """What is left of random passages, of as many tokens as the codebooks are drawn from."""
        tokens = 0
        for row in torch.randperm(len(sample), generator=torch.Generator().manual_seed(self.config.seed)).tolist():
            states, token_ids = sample[row]
            yield states.float() - predict(mean, effects, token_ids, [len(token_ids)]), token_ids
            tokens += len(states)
            if tokens >= self.config.sample:
                return


def neighbours(token_ids: Tensor, lengths: Sequence[int], reach: int) -> Tensor:
    """1 + the ids of each token and its neighbours, from before to after: ``[N, K]``; 0 beyond a passage.

    Of the tokens ``[N]``, the passages ``[P]`` have so many each.
    """
    count = len(token_ids)
    owner = torch.repeat_interleave(torch.tensor(lengths, dtype=torch.long))
    places = torch.arange(count)[:, None] + torch.arange(-reach, reach + 1)
    within = places.clamp(0, max(0, count - 1))
    beyond = (places != within) | (owner[within] != owner[:, None])
    return (token_ids[within] + 1).masked_fill_(beyond, 0)


def predict(mean: Tensor, effects: Tensor, token_ids: Tensor, lengths: Sequence[int]) -> Tensor:
    """The states ``[N, D]`` that tokens let expect, by ``mean [D]`` and ``effects [K, 1 + V, D]``."""
    kinds, rows, width = effects.shape
    found = neighbours(token_ids, lengths, kinds // 2)
    found.masked_fill_(found >= rows, 0)  # never seen
    found += torch.arange(kinds) * rows
    return functional.embedding_bag(found, effects.view(-1, width), mode="sum").add_(mean)


def fit_effects(sample: Sample, width: int, reach: int, sweeps: int, prior: float) -> tuple[Tensor, Tensor]:
    """The mean ``[D]`` and the effects ``[K, 1 + V, D]`` that predict the states of a sample, by backfitting.

    In each of ``sweeps``, one effect after the other becomes, for every token id, the mean of what the others leave of
    the states that it is a neighbour of; ``prior`` tokens of which nothing is left count in each.
    """
    rest = torch.cat([*(states.float() for states, _ in sample), torch.empty(0, width)])
    token_ids = torch.cat([*(ids for _, ids in sample), torch.empty(0, dtype=torch.long)])
    mean = rest.mean(0)
    rest -= mean
    found = neighbours(token_ids, [len(ids) for _, ids in sample], reach)
    effects = torch.zeros(found.shape[1], 1 + int(found.max()) if len(found) else 1, width)
    counts = [torch.bincount(some, minlength=effects.shape[1])[:, None] for some in found.T]
    for _ in range(sweeps):
        for effect, count, rows in zip(effects, counts, found.T, strict=True):
            rest += effect[rows]
            sums = torch.zeros_like(effect).index_add_(0, rows, rest)
            effect.copy_(sums / (count + prior).clamp(min=1))
            effect[0] = 0.0
            rest -= effect[rows]
    return mean, effects


def _require_small(token_ids: Tensor) -> None:
    """Refuse ids that do not fit into their bytes."""
    largest = 256**ID_BYTES
    if len(token_ids) and int(token_ids.max()) >= largest:
        raise StoreError(
            f"the codec token_residual stores token ids below {largest:,}, and there is {int(token_ids.max()):,}; "
            "use residual, or a tokenizer with a smaller vocabulary"
        )
