"""A T5 decoder that can also point: p(w) = (1 − g) · p_vocabulary(w) + g · Σ_{s: id(s) = w} a(s).

The pointer-generator of See et al. (arXiv 1704.04368, eq. 9) over all passages that the decoder reads. A reader whose
answers stand in its passages need not learn first how a state is turned into the word it stands for: it only has to
find the place.

Legend: B questions, R beams, T target tokens, S source tokens, D width, C pointer width, V vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glimmer.models.decoders.base import Cache, register_decoder
from glimmer.models.decoders.t5 import T5Cache, T5Decoder, T5DecoderConfig
from glimmer.models.t5.attention import mask_bias
from glimmer.models.values import Source
from glimmer.options import option

LONGEST_RUN = 3
"""Runs longer than this weigh the same."""


@dataclass(kw_only=True)
class PointerDecoderConfig(T5DecoderConfig):
    """Sizes of a T5 decoder with a pointer."""

    pointer_width: int = option(64, "Width of the pointer's queries and keys", least=1)
    follow: float = option(
        5.0, "Initial bonus, in nats, of the place behind what was just written; a run of two begins with 1.5 times it"
    )


@dataclass(kw_only=True)
class PointerCache(T5Cache):
    """Keys and ids of the source, and how long a run of each answer's last tokens ends before each place."""

    keys: Tensor
    """``[B, S, C]``."""
    source: Source
    runs: Tensor
    """``[B·R, S]`` of the answers so far."""

    def reorder(self, rows: Tensor) -> None:
        """Reorder histories and runs."""
        super().reorder(rows)
        self.runs = self.runs[rows]


@register_decoder("pointer", PointerDecoderConfig)
class PointerDecoder(T5Decoder):
    """T5's decoder, whose output is a mixture of its vocabulary and of the tokens that it points at.

    ``a(s)`` is a softmax over all source tokens of the product of a query (from the finished state) and a key (from
    the source's state), plus a learned bonus where the tokens just written stand in front of ``s``: an answer once
    begun goes on (an induction head, arXiv 2209.11895, wired in).
    """

    config: PointerDecoderConfig

    def __init__(self, config: PointerDecoderConfig, embedding: nn.Embedding, padding_id: int = 0) -> None:
        super().__init__(config, embedding, padding_id)
        self.pointer_query = nn.Linear(self.width, config.pointer_width)
        self.pointer_key = nn.Linear(embedding.embedding_dim, config.pointer_width, bias=False)
        self.pointer_gate = nn.Linear(self.width, 1)
        growth = torch.tensor([0.0, *(1 + 0.5 * run for run in range(LONGEST_RUN))])
        self.pointer_follow = nn.Parameter(config.follow * growth)

    def forward(  # type: ignore[override]
        self, targets: Tensor, encoded: Source, wanted: Tensor | None = None
    ) -> Tensor:
        """Log-probabilities ``[B, T, V]`` or ``[N, V]``; the inputs are ``targets`` shifted behind the start token."""
        states = self.states(targets, encoded)
        runs = [torch.zeros_like(encoded.ids)]
        for token in targets[:, :-1].unbind(1):
            runs.append(_continue(runs[-1], token, encoded))
        return self._mix(states, self.pointer_key(encoded.values), torch.stack(runs, 1), encoded, wanted)

    def start(self, encoded: Source, beams: int) -> PointerCache:  # type: ignore[override]
        """Project the source of every question once, for its layers and for the pointer."""
        plain = super().start(encoded, beams)
        runs = torch.zeros_like(encoded.ids).repeat_interleave(beams, 0)
        return PointerCache(**vars(plain), keys=self.pointer_key(encoded.values), source=encoded, runs=runs)

    def step(self, tokens: Tensor, cache: Cache) -> Tensor:
        """Log-probabilities ``[B·R, V]`` after one token of every answer."""
        assert isinstance(cache, PointerCache)
        questions, length = cache.source.ids.shape
        runs = cache.runs.view(questions, cache.beams, length)
        if cache.length:  # the start token stands nowhere
            runs = _continue(runs, tokens.view(questions, cache.beams), cache.source)
            cache.runs = runs.flatten(0, 1)
        states = self.next_states(tokens, cache).view(questions, cache.beams, -1)
        return self._mix(states, cache.keys, runs, cache.source).flatten(0, 1)

    def _mix(self, states: Tensor, keys: Tensor, runs: Tensor, source: Source, wanted: Tensor | None = None) -> Tensor:
        """Log-probabilities ``[B, T, V]`` from states ``[B, T, D]``, keys ``[B, S, C]`` and runs ``[B, T, S]``.

        Where ``wanted [B, T]`` is given, ``[N, V]`` of its tokens.
        """
        found = self.pointer_query(states) @ keys.transpose(1, 2)
        ids, mask = (part[:, None].expand_as(runs) for part in (source.ids, source.mask))
        if wanted is not None:
            states, found, runs, ids, mask = (part[wanted] for part in (states, found, runs, ids, mask))
        vocabulary, gate = self.predict(states), self.pointer_gate(states)
        with torch.autocast(states.device.type, enabled=False):  # probabilities near 0 need their digits
            logits = found.float() * self.config.pointer_width**-0.5
            logits = logits + self.pointer_follow[runs] + mask_bias(mask, torch.float32)
            places = torch.softmax(logits, dim=-1) * mask  # nothing, where there is no source
            share = torch.sigmoid(gate.float())
            mixed = (1 - share) * torch.softmax(vocabulary.float(), dim=-1)
            return torch.log(mixed.scatter_add(-1, ids, share * places) + 1e-12)


def _continue(runs: Tensor, written: Tensor, source: Source) -> Tensor:
    """How many of the last tokens stand in front of each place: ``runs [B, (R,) S]`` before ``written [B, (R,)]``."""
    ids, mask = source.ids, source.mask
    if runs.dim() > ids.dim():
        ids, mask = ids[:, None], mask[:, None]
    equal = (ids == written[..., None]) & mask
    longer = ((runs + 1) * equal).clamp(max=LONGEST_RUN)
    return torch.cat([torch.zeros_like(longer[..., :1]), longer[..., :-1]], dim=-1)
