"""The T5 v1.1 encoder, split at any layer."""

from dataclasses import dataclass

from torch import Tensor, nn

from glimmer.data.values import States, Tokens
from glimmer.models.encoders.base import Encoder, memory_layers_of, register_encoder
from glimmer.models.t5.attention import Attention, RelativePositionBias, mask_bias, product_type, require_buckets
from glimmer.models.t5.feed_forward import ACTIVATIONS, FeedForward, RMSNorm
from glimmer.options import option
from glimmer.registry import ComponentConfig


@dataclass(kw_only=True)
class T5EncoderConfig(ComponentConfig):
    """Sizes of a T5 encoder; the defaults are T5 v1.1 small."""

    layers: int = option(8, "Number of layers, memory and live together", least=1)
    width: int = option(512, "Width of the residual stream (d_model)", least=1)
    heads: int = option(6, "Number of attention heads", least=1)
    head_width: int = option(64, "Width of one attention head (d_kv)", least=1)
    feed_forward: int = option(1024, "Hidden width of the feed-forward layers (d_ff)", least=1)
    activation: str = option("gated_gelu", "gated_gelu (T5 1.1), relu (T5 1.0) or gelu", choices=ACTIVATIONS)
    dropout: float = option(0.1, "Dropout probability", least=0, below=1)
    buckets: int = option(32, "Buckets of the relative position bias")
    max_distance: int = option(128, "Distance beyond which all positions share a bucket")

    def __post_init__(self) -> None:
        super().__post_init__()
        require_buckets(self, self.buckets, self.max_distance, bidirectional=True)


class T5EncoderLayer(nn.Module):
    """Pre-norm self-attention and feed-forward."""

    def __init__(self, config: T5EncoderConfig) -> None:
        super().__init__()
        c = config
        self.attention_norm = RMSNorm(c.width)
        self.attention = Attention(c.width, c.width, c.heads, c.heads, c.head_width, c.dropout)
        self.feed_forward_norm = RMSNorm(c.width)
        self.feed_forward = FeedForward(c.width, c.feed_forward, c.activation, c.dropout)
        self.dropout = nn.Dropout(c.dropout)

    def forward(self, states: Tensor, bias: Tensor) -> Tensor:
        """Map ``[N, T, D]`` to ``[N, T, D]``; ``bias`` broadcasts to ``[N, H, T, T]``."""
        normed = self.attention_norm(states)
        states = states + self.dropout(self.attention(normed, *self.attention.keys_values(normed), bias))
        return states + self.dropout(self.feed_forward(self.feed_forward_norm(states)))  # type: ignore[no-any-return]


@register_encoder("t5", T5EncoderConfig)
class T5Encoder(Encoder):
    """T5 v1.1 encoder with a relative position bias of its own for memory and for live layers."""

    def __init__(self, config: T5EncoderConfig, vocabulary: int, live_layers: int | None) -> None:
        super().__init__(config)
        self.layers, self.width, self.vocabulary = config.layers, config.width, vocabulary
        self.memory_layers = memory_layers_of(config.layers, live_layers)
        self.embedding = nn.Embedding(vocabulary, config.width)
        self.blocks = nn.ModuleList(T5EncoderLayer(config) for _ in range(config.layers))

        def table() -> RelativePositionBias:
            return RelativePositionBias(config.heads, config.buckets, config.max_distance, bidirectional=True)

        self.memory_relative_attention_bias = table() if self.memory_layers else None
        self.live_relative_attention_bias = table() if self.memory_layers < config.layers else None
        self.final_norm = RMSNorm(config.width)
        self.embedding_dropout = nn.Dropout(config.dropout)
        self.final_dropout = nn.Dropout(config.dropout)

    def embed(self, tokens: Tokens) -> States:
        """Embed ``[N, T]`` tokens."""
        return States(self.embedding_dropout(self.embedding(tokens.ids)), tokens.mask)

    def run(self, states: States, start: int, stop: int, question_lengths: Tensor | None) -> States:
        """Run layers; pairs use the live table, a question or passage alone the memory table."""
        if start == stop:
            return states
        values, bias = states.values, self.attention_bias(states.mask, paired=question_lengths is not None)
        for block in self.blocks[start:stop]:
            values = block(values, bias)
        return States(values, states.mask)

    def attention_bias(self, mask: Tensor, paired: bool) -> Tensor:
        """Relative positions and ``mask [N, T]`` as one bias that broadcasts to ``[N, H, T, T]``."""
        tables = (self.live_relative_attention_bias, self.memory_relative_attention_bias)
        table = (tables[0] or tables[1]) if paired else (tables[1] or tables[0])
        assert table is not None
        bias: Tensor = table(mask.shape[1], mask.shape[1])
        bias = bias.to(product_type(bias))  # once, not in every layer
        if mask.device.type == "cpu" and bool(mask.all()):  # elsewhere, to look at the mask is to wait for the device
            return bias
        return bias + mask_bias(mask, bias.dtype)[:, None, None, :]

    def finish(self, states: States) -> States:
        """Apply the final norm and dropout."""
        return States(self.final_dropout(self.final_norm(states.values)), states.mask)

    def memory_modules(self) -> list[nn.Module]:
        """The embedding and its dropout, the memory layers and their position table."""
        modules: list[nn.Module] = [self.embedding, self.embedding_dropout, *self.blocks[: self.memory_layers]]
        if self.memory_relative_attention_bias is not None:
            modules.append(self.memory_relative_attention_bias)
        return modules
