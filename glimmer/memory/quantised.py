"""Memory that is product-quantised while the reader trains, so that it learns to read what a store keeps (MEMORY-VQ).

Legend: P passages, T tokens, N tokens that are real, D width, G subspaces, C codes, W = D / G, S sampled tokens.
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from glimmer.data.values import States, Tokens
from glimmer.errors import ConfigError
from glimmer.memory.base import Encode, Ranks, register_memory
from glimmer.memory.codecs import CODECS, Codec
from glimmer.memory.codecs.codebooks import CodebookConfig, lookup, nearest
from glimmer.memory.codecs.kmeans import fit_codebooks, redraw
from glimmer.memory.codecs.product import CODEBOOKS
from glimmer.memory.online import OnlineConfig, OnlineMemory
from glimmer.options import option
from glimmer.registry import ComponentConfig

UNUSED = 1e-12
"""A code with a smaller average use stays where it is: its mean would be a quotient of rounding errors."""


@dataclass(kw_only=True)
class QuantisedConfig(OnlineConfig, CodebookConfig):
    """Options of quantised memory."""

    decay: float = option(0.999, "How much of the averages that make the codes an update keeps", least=0, below=1)
    sample: int = option(
        8_192, "Tokens that codes are drawn from, of the latest updates; they are in checkpoints", least=1
    )
    batches: int = option(
        8, "Updates that give the sample; memory is as it was encoded until there is one, and so many codes", least=1
    )
    redraw_every: int = option(100, "Updates after which rarely used codes are looked for", least=1)


@register_memory("quantised", QuantisedConfig)
class QuantisedMemory(OnlineMemory):
    """Encode every distinct passage and give the nearest codes' vectors; gradients pass straight through.

    Codebooks are moving averages of the states that were nearest to each code; nothing else pulls states and codes
    together. They belong to the reader's state, and move in training alone.
    """

    config: QuantisedConfig
    codebooks: Tensor
    """``[G, C, W]``."""
    counts: Tensor
    """``[G, C]``: the moving average of how many tokens of an update are nearest to each code."""
    sums: Tensor
    """``[G, C, W]``: the moving average of these tokens' sum."""
    recent: Tensor
    """``[S, D]``: tokens of the latest updates, as a ring."""
    seen: Tensor
    """How many tokens were ever put into ``recent``."""
    updates: Tensor
    """Updates made."""

    def __init__(self, config: QuantisedConfig, text_fingerprint: str) -> None:
        super().__init__(config, text_fingerprint)
        self._picked: list[Tensor] = []
        self._tokens = 0
        self._counts: Tensor | None = None
        self._sums: Tensor | None = None

    def allocate(self, width: int) -> None:
        """Make room for the codebooks.

        Raises:
            ConfigError: the width cannot be cut into the subspaces.
        """
        c = self.config
        subspaces = c.cut(width)
        sizes = (subspaces, c.codes, width // subspaces)
        self.register_buffer("codebooks", torch.zeros(sizes))
        self.register_buffer("counts", torch.zeros(sizes[:2]))
        self.register_buffer("sums", torch.zeros(sizes))
        self.register_buffer("recent", torch.zeros(c.sample, width))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))
        self.register_buffer("updates", torch.zeros((), dtype=torch.long))

    @property
    def ready(self) -> bool:
        """Whether there are codebooks."""
        return int(self.seen) >= self.config.sample

    def forward(self, encode: Encode, passages: Tokens, passage_ids: tuple[str, ...]) -> States:
        """Run the memory layers and quantise ``[P, T, D]`` to what a store of this run gives back."""
        states = super().forward(encode, passages, passage_ids)
        vectors = states.values[states.mask].float()
        learning = self.training and torch.is_grad_enabled()
        if learning:
            self._pick(vectors.detach())
        if not self.ready:
            return states
        codes = nearest(vectors.detach(), self.codebooks)
        if learning:
            self._count(vectors.detach(), codes)
        # The difference is 0 to the bit: the values are the codes' alone, and the gradient is the states'.
        passed = lookup(codes, self.codebooks) + (vectors - vectors.detach())
        values = vectors.new_zeros(states.values.shape)
        values[states.mask] = passed
        return States(values, states.mask)

    @torch.no_grad()
    def learn(self, ranks: Ranks) -> None:
        """Move the codes by what all ranks have seen since the last update, draw the first, or draw rare ones again."""
        generator = torch.Generator().manual_seed(int(self.updates))
        self.updates += 1
        tokens = self._keep(ranks, generator)
        if self._counts is None or self._sums is None:
            self._counts, self._sums = torch.zeros_like(self.counts), torch.zeros_like(self.sums)
        if self.counts.any():
            self._move(ranks.sum(self._counts), ranks.sum(self._sums))
            if int(self.updates) % self.config.redraw_every == 0:
                self._redraw(generator)
        elif self.ready:
            self._begin(tokens)
        self._counts = self._sums = None

    @classmethod
    def codec_config(cls, config: ComponentConfig) -> ComponentConfig:
        """Product quantisation of the same sizes."""
        shared = {item.name: getattr(config, item.name) for item in fields(CodebookConfig) if item.name != "name"}
        made: ComponentConfig = CODECS.configure("product", **shared)
        return made

    def codec(self) -> Codec:
        """Product quantisation by these codebooks.

        Raises:
            ConfigError: there are none yet.
        """
        if not self.ready:
            raise ConfigError(
                f"the memory has no codebooks yet: they are drawn after memory.sample = {self.config.sample} tokens, "
                f"and training has seen {int(self.seen)}; train on, or name a --codec, such as raw"
            )
        codec = CODECS.build(self.codec_config(self.config), width=self.recent.shape[1])
        codec.load({CODEBOOKS: self.codebooks.detach().cpu().numpy()})
        return codec

    def _pick(self, vectors: Tensor) -> None:
        """Put some tokens ``[N, D]`` of a batch aside for the sample."""
        generator = torch.Generator().manual_seed(int(self.updates) + (len(self._picked) << 32))
        rows = torch.randperm(len(vectors), generator=generator)[: self._share].to(vectors.device)
        self._picked.append(vectors[rows])
        self._tokens += len(vectors)

    def _count(self, vectors: Tensor, codes: Tensor) -> None:
        """Add tokens ``[N, D]`` to their codes' counts and sums."""
        if self._counts is None or self._sums is None:
            self._counts, self._sums = torch.zeros_like(self.counts), torch.zeros_like(self.sums)
        subspaces, count, width = self.codebooks.shape
        rows = (codes + torch.arange(subspaces, device=codes.device) * count).view(-1)
        self._counts.view(-1).index_add_(0, rows, torch.ones_like(rows, dtype=self._counts.dtype))
        self._sums.view(-1, width).index_add_(0, rows, vectors.reshape(-1, width))

    def _keep(self, ranks: Ranks, generator: torch.Generator) -> int:
        """Put this update's tokens of all ranks into the ring, and return how many the update had."""
        picked = torch.cat([*self._picked, self.recent[:0]]).cpu()
        found = ranks.gather((picked, self._tokens))
        fresh = torch.cat([some for some, _ in found])
        fresh = fresh[torch.randperm(len(fresh), generator=generator)[: self._share]].to(self.recent.device)
        places = torch.arange(len(fresh), device=fresh.device) + self.seen
        self.recent[places % len(self.recent)] = fresh
        self.seen += len(fresh)
        self._picked, self._tokens = [], 0
        return sum(tokens for _, tokens in found)

    def _begin(self, tokens: int) -> None:
        """Draw the first codebooks; averages start from how the sample uses them, as in an update of ``tokens``."""
        self.codebooks.copy_(fit_codebooks(self.recent, self.config, len(self.codebooks)))
        self._count(self.recent, nearest(self.recent, self.codebooks))
        assert self._counts is not None
        self.counts.copy_(self._counts * (tokens / len(self.recent)))
        self.sums.copy_(self.counts[..., None] * self.codebooks)

    def _move(self, counts: Tensor, sums: Tensor) -> None:
        """Average an update's counts ``[G, C]`` and sums ``[G, C, W]`` in; every code is the mean of its tokens."""
        self.counts.lerp_(counts, 1 - self.config.decay)
        self.sums.lerp_(sums, 1 - self.config.decay)
        used = self.counts[..., None] > UNUSED
        means = self.sums / self.counts[..., None].clamp(min=UNUSED)
        self.codebooks.copy_(torch.where(used, means, self.codebooks))

    def _redraw(self, generator: torch.Generator) -> None:
        """Draw rarely used codes again from the latest tokens; each begins with an even use."""
        even = self.counts.mean(1)
        rare = self.counts < self.config.rare * even[:, None]
        parts = self.recent.view(len(self.recent), len(self.codebooks), -1)
        for number in rare.any(1).nonzero()[:, 0].tolist():
            chosen = rare[number]
            drawn = redraw(self.codebooks[number], chosen, parts[:, number], self.config.rounds, generator)
            self.codebooks[number] = drawn
            self.counts[number, chosen] = even[number]
            self.sums[number, chosen] = even[number] * drawn[chosen]

    @property
    def _share(self) -> int:
        """Tokens that an update gives to the sample."""
        return -(-self.config.sample // self.config.batches)
