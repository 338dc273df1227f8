"""The T5 v1.1 decoder; with sparse cross-attention, fewer key-value heads and its own width it is FiDO's.

Legend: B questions, R beams, T target tokens, S source tokens, D width, H heads, C head width, V vocabulary.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn

from glimmer.data.values import States
from glimmer.models.decoders.base import Cache, Decoder, register_decoder
from glimmer.models.t5.attention import Attention, RelativePositionBias, mask_bias, product_type, require_buckets
from glimmer.models.t5.feed_forward import ACTIVATIONS, FeedForward, RMSNorm
from glimmer.options import option
from glimmer.registry import ComponentConfig


@dataclass(kw_only=True)
class T5DecoderConfig(ComponentConfig):
    """Sizes of a T5 decoder; the defaults are T5 v1.1 small."""

    layers: int = option(8, "Number of layers", least=1)
    width: int | None = option(
        None, "Width of the residual stream; the encoder's when null, and embeddings are then shared", least=1
    )
    heads: int = option(6, "Number of attention heads", least=1)
    key_value_heads: int | None = option(
        None, "Key-value heads: heads when null, 1 = multi-query, between = grouped (FiDO)", least=1
    )
    head_width: int = option(64, "Width of one attention head", least=1)
    feed_forward: int = option(1024, "Hidden width of the feed-forward layers", least=1)
    activation: str = option("gated_gelu", "gated_gelu (T5 1.1), relu (T5 1.0) or gelu", choices=ACTIVATIONS)
    dropout: float = option(0.1, "Dropout probability", least=0, below=1)
    buckets: int = option(32, "Buckets of the relative position bias")
    max_distance: int = option(128, "Distance beyond which all positions share a bucket")
    cross_attention_period: int = option(
        1, "Cross-attention in layers i with (i + 1) mod period == 0 (FiDO: 6)", least=1
    )
    tie_output: bool = option(False, "Predict with the transposed embedding, scaled by width^-0.5 (T5 1.0)")
    embedding_scale: float = option(
        1.0,
        "What the decoder multiplies the embedding by; T5's has a standard deviation of 1, BERT's one of 0.02 to 0.05, "
        "which what layers add would drown",
        above=0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        require_buckets(self, self.buckets, self.max_distance, bidirectional=False)
        heads = self.key_value_heads
        self.require(heads is None or self.heads % heads == 0, "key_value_heads", f"a divisor of heads = {self.heads}")
        self.require(
            self.cross_attention_period <= self.layers,
            "cross_attention_period",
            f"at most layers = {self.layers}, or no layer has cross-attention",
        )


@dataclass
class T5Cache(Cache):
    """Projected source and history of every layer."""

    beams: int
    source_bias: Tensor
    cross: list[tuple[Tensor, Tensor] | None]
    history: list[tuple[Tensor, Tensor] | None] = field(default_factory=list)
    length: int = 0

    def reorder(self, rows: Tensor) -> None:
        """Reorder the answers' histories; beams of a question share its source, so that stays."""
        self.history = [kv and (kv[0][rows], kv[1][rows]) for kv in self.history]


class T5DecoderLayer(nn.Module):
    """Pre-norm self-attention, cross-attention (where the period says so) and feed-forward."""

    def __init__(self, config: T5DecoderConfig, width: int, source_width: int, cross: bool) -> None:
        super().__init__()
        c = config
        kv = c.key_value_heads or c.heads
        self.attention_norm = RMSNorm(width)
        self.attention = Attention(width, width, c.heads, kv, c.head_width, c.dropout)
        self.cross_norm = RMSNorm(width) if cross else None
        self.cross_attention = Attention(width, source_width, c.heads, kv, c.head_width, c.dropout) if cross else None
        self.feed_forward_norm = RMSNorm(width)
        self.feed_forward = FeedForward(width, c.feed_forward, c.activation, c.dropout)
        self.dropout = nn.Dropout(c.dropout)

    def forward(self, states: Tensor, bias: Tensor, source: Tensor, source_bias: Tensor) -> Tensor:
        """Teacher-forced: map ``states [B, T, D]`` to the same, given ``source [B, S, D]``; the parts serve decoding.

        ``bias`` broadcasts to ``[B, H, T, T]``, ``source_bias`` to ``[B, H, T, S]``.
        """
        states, _ = self.attend_self(states, bias, None)
        if self.cross_attention is not None:
            states = self.attend_source(states, self.cross_attention.keys_values(source), source_bias)
        return self.transform(states)

    def attend_self(
        self, states: Tensor, bias: Tensor, history: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Self-attention over the history and ``states``; returns the new states and history."""
        normed = self.attention_norm(states)
        key, value = self.attention.keys_values(normed)
        if history is not None:
            key, value = torch.cat([history[0], key], dim=2), torch.cat([history[1], value], dim=2)
        return states + self.dropout(self.attention(normed, key, value, bias)), (key, value)

    def attend_source(self, states: Tensor, cross: tuple[Tensor, Tensor], bias: Tensor) -> Tensor:
        """Cross-attention: zero position bias, only the source's mask."""
        assert self.cross_attention is not None
        assert self.cross_norm is not None
        return states + self.dropout(self.cross_attention(self.cross_norm(states), *cross, bias))  # type: ignore[no-any-return]

    def look(self, states: Tensor, source: Tensor) -> Tensor:
        """The last head's cross-attention logits ``[N, T, S]`` from ``states [N, T, D]`` to ``source [N, S, D]``."""
        assert self.cross_attention is not None
        assert self.cross_norm is not None
        width = self.cross_attention.head_width
        query = nn.functional.linear(self.cross_norm(states), self.cross_attention.query.weight[-width:])
        key = nn.functional.linear(source, self.cross_attention.key.weight[-width:])
        return query @ key.transpose(1, 2)

    def transform(self, states: Tensor) -> Tensor:
        """Feed-forward."""
        return states + self.dropout(self.feed_forward(self.feed_forward_norm(states)))  # type: ignore[no-any-return]


@register_decoder("t5", T5DecoderConfig)
class T5Decoder(Decoder):
    """T5 v1.1 decoder, with FiDO's layer-sparse cross-attention and multi-query heads by option."""

    def __init__(self, config: T5DecoderConfig, embedding: nn.Embedding, padding_id: int = 0) -> None:
        super().__init__()
        source_width = embedding.embedding_dim
        width = source_width if config.width is None else config.width
        self.start_id = padding_id
        self.config, self.width, self.vocabulary = config, width, embedding.num_embeddings
        self.embedding = embedding if width == source_width else nn.Embedding(embedding.num_embeddings, width)
        period = config.cross_attention_period
        self.blocks = nn.ModuleList(
            T5DecoderLayer(config, width, source_width, cross=(i + 1) % period == 0) for i in range(config.layers)
        )
        self.relative_attention_bias = RelativePositionBias(
            config.heads, config.buckets, config.max_distance, bidirectional=False
        )
        self.final_norm = RMSNorm(width)
        self.dropout = nn.Dropout(config.dropout)
        self.output = None if config.tie_output else nn.Linear(width, self.vocabulary, bias=False)

    def forward(self, targets: Tensor, encoded: States, wanted: Tensor | None = None) -> Tensor:
        """Logits ``[B, T, V]`` or ``[N, V]``; the inputs are ``targets`` shifted right behind the start token."""
        states = self.states(targets, encoded)
        return self.predict(states if wanted is None else states[wanted])

    def states(self, targets: Tensor, encoded: States) -> Tensor:
        """The finished states ``[B, T, D]`` that predict ``targets [B, T]``, teacher-forced."""
        states, bias = self._begin(targets)
        source_bias = mask_bias(encoded.mask, product_type(encoded.values))[:, None, None, :]
        for block in self.blocks:
            states = block(states, bias, encoded.values, source_bias)
        return self.dropout(self.final_norm(states))  # type: ignore[no-any-return]

    def predict(self, states: Tensor) -> Tensor:
        """Logits ``[..., V]`` from finished states ``[..., D]``."""
        if self.output is None:
            scale = self.width**-0.5 * self.config.embedding_scale
            return nn.functional.linear(states * scale, self.embedding.weight)
        return self.output(states)  # type: ignore[no-any-return]

    def source_attention(self, targets: Tensor, source: Tensor) -> Tensor:
        """The last head's logits ``[N, T, S]`` in the first layer that looks at the source."""
        states, bias = self._begin(targets)
        for block in self._layers():
            states, _ = block.attend_self(states, bias, None)
            if block.cross_attention is not None:
                return block.look(states, source).float()
            states = block.transform(states)
        raise AssertionError("cross_attention_period leaves at least one layer that looks at the source")

    def start(self, encoded: States, beams: int) -> T5Cache:
        """Project the source of every question once, however many beams read it."""
        bias = mask_bias(encoded.mask, product_type(encoded.values))[:, None, None, :]
        cross = [
            b.cross_attention.keys_values(encoded.values) if b.cross_attention is not None else None
            for b in self._layers()
        ]
        return T5Cache(beams, bias, cross, [None] * len(self.blocks))

    def step(self, tokens: Tensor, cache: Cache) -> Tensor:
        """Logits ``[B·R, V]`` after one token of every answer."""
        assert isinstance(cache, T5Cache)
        return self.predict(self.next_states(tokens, cache))

    def next_states(self, tokens: Tensor, cache: T5Cache) -> Tensor:
        """The finished states ``[B·R, D]`` after ``tokens [B·R]``; beams are queries of one cross-attention."""
        states = self._embed(tokens)[:, None]
        bias = self.relative_attention_bias(1, cache.length + 1, first_query=cache.length)
        for i, block in enumerate(self._layers()):
            states, cache.history[i] = block.attend_self(states, bias, cache.history[i])
            cross = cache.cross[i]
            if cross is not None:
                grouped = states.view(-1, cache.beams, self.width)
                states = block.attend_source(grouped, cross, cache.source_bias).view(-1, 1, self.width)
            states = block.transform(states)
        cache.length += 1
        return self.dropout(self.final_norm(states))[:, 0]  # type: ignore[no-any-return]

    def _begin(self, targets: Tensor) -> tuple[Tensor, Tensor]:
        """What enters the layers, teacher-forced: the targets behind the start token, and a causal bias."""
        inputs = torch.cat([torch.full_like(targets[:, :1], self.start_id), targets[:, :-1]], dim=1)
        length = inputs.shape[1]
        bias = self.relative_attention_bias(length, length)
        causal = torch.ones(length, length, dtype=torch.bool, device=inputs.device).tril()
        return self._embed(inputs), bias + mask_bias(causal, bias.dtype)

    def _embed(self, tokens: Tensor) -> Tensor:
        states, scale = self.embedding(tokens), self.config.embedding_scale
        return self.dropout(states if scale == 1 else states * scale)  # type: ignore[no-any-return]

    def _layers(self) -> Iterator[T5DecoderLayer]:
        return (cast(T5DecoderLayer, block) for block in self.blocks)
