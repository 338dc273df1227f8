"""The BERT encoder (arXiv 1810.04805), split at any layer: post-norm, absolute positions, token types."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glimmer.data.values import States, Tokens
from glimmer.errors import ConfigError
from glimmer.models.encoders.base import Encoder, memory_layers_of, register_encoder
from glimmer.models.t5.attention import attend, mask_bias, product_type
from glimmer.options import option
from glimmer.registry import ComponentConfig

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": F.gelu, "relu": F.relu}


@dataclass(kw_only=True)
class BertEncoderConfig(ComponentConfig):
    """Sizes of a BERT encoder; the defaults are BERT base."""

    layers: int = option(12, "Number of layers, memory and live together", least=1)
    width: int = option(768, "Width of the residual stream (hidden_size)", least=1)
    heads: int = option(12, "Number of attention heads, each of width / heads", least=1)
    feed_forward: int = option(3072, "Hidden width of the feed-forward layers (intermediate_size)", least=1)
    activation: str = option("gelu", "gelu or relu", choices=ACTIVATIONS)
    dropout: float = option(0.1, "Dropout probability of states (hidden_dropout_prob)", least=0, below=1)
    attention_dropout: float = option(
        0.1,
        "Dropout probability of attention weights (attention_probs_dropout_prob); costs a CPU more than the attention",
        least=0,
        below=1,
    )
    positions: int = option(512, "Longest row in tokens (max_position_embeddings)", least=1)
    types: int = option(2, "Token types: 0 = question, or a passage alone; 1 = the passage of a pair", least=2)
    epsilon: float = option(1e-12, "Added to the variance in layer norms", above=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.width % self.heads == 0, "heads", f"a divisor of width = {self.width}")

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads


class BertSelfAttention(nn.Module):
    """Scaled multi-head self-attention with biases."""

    def __init__(self, config: BertEncoderConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.heads, config.attention_dropout
        self.query, self.key, self.value, self.output = (nn.Linear(config.width, config.width) for _ in range(4))

    def forward(self, states: Tensor, bias: Tensor | None) -> Tensor:
        """Map ``[N, T, D]`` to ``[N, T, D]``; ``bias`` broadcasts to ``[N, H, T, T]``."""
        shape = (*states.shape[:2], self.heads, states.shape[2] // self.heads)
        query, key, value = (
            part(states).view(shape).transpose(1, 2).contiguous() for part in (self.query, self.key, self.value)
        )
        mixed = attend(query * shape[-1] ** -0.5, key, value, bias, self.dropout if self.training else 0.0)
        return self.output(mixed.transpose(1, 2).reshape(states.shape))  # type: ignore[no-any-return]


class BertLayer(nn.Module):
    """Self-attention and feed-forward, each normalised after its residual sum."""

    def __init__(self, config: BertEncoderConfig) -> None:
        super().__init__()
        self.attention = BertSelfAttention(config)
        self.attention_norm = nn.LayerNorm(config.width, config.epsilon)
        self.inner = nn.Linear(config.width, config.feed_forward)
        self.outer = nn.Linear(config.feed_forward, config.width)
        self.feed_forward_norm = nn.LayerNorm(config.width, config.epsilon)
        self.activation = ACTIVATIONS[config.activation]
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, states: Tensor, bias: Tensor | None) -> Tensor:
        """Map ``[N, T, D]`` to ``[N, T, D]``."""
        states = self.attention_norm(states + self.dropout(self.attention(states, bias)))
        added = self.dropout(self.outer(self.activation(self.inner(states))))
        return self.feed_forward_norm(states + added)  # type: ignore[no-any-return]


@register_encoder("bert", BertEncoderConfig)
class BertEncoder(Encoder):
    """BERT encoder; positions and types enter with the first layer, when it is known what a row is.

    A passage alone has positions from 0 and type 0, as in BERT's own use on single texts. A pair that meets before the
    first layer (FiD) has positions that run over both and type 1 for the passage; one that meets later (LUMEN, GLIMMER)
    keeps the positions that each side was given alone.
    """

    def __init__(self, config: BertEncoderConfig, vocabulary: int, live_layers: int | None) -> None:
        super().__init__(config)
        self.layers, self.width, self.vocabulary = config.layers, config.width, vocabulary
        self.memory_layers = memory_layers_of(config.layers, live_layers)
        self.embedding = nn.Embedding(vocabulary, config.width)
        self.position_embedding = nn.Embedding(config.positions, config.width)
        self.type_embedding = nn.Embedding(config.types, config.width)
        self.embedding_norm = nn.LayerNorm(config.width, config.epsilon)
        self.embedding_dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(BertLayer(config) for _ in range(config.layers))

    @torch.no_grad()
    def initialise(self) -> None:
        """BERT's own initial weights: normal with a standard deviation of 0.02, biases zero."""
        for part in self.modules():
            if isinstance(part, nn.Linear | nn.Embedding):
                nn.init.normal_(part.weight, std=0.02)
            if isinstance(part, nn.Linear):
                nn.init.zeros_(part.bias)

    def embed(self, tokens: Tokens) -> States:
        """Embed ``[N, T]`` tokens by their words alone."""
        return States(self.embedding(tokens.ids), tokens.mask)

    def run(self, states: States, start: int, stop: int, question_lengths: Tensor | None) -> States:
        """Run layers, the first of them on what ``enter`` makes of word embeddings."""
        if start == stop:
            return states
        values = states.values if start else self.enter(states.values, question_lengths)
        bias = self.attention_bias(states.mask, product_type(values))
        for block in self.blocks[start:stop]:
            values = block(values, bias)
        return States(values, states.mask)

    def enter(self, words: Tensor, question_lengths: Tensor | None) -> Tensor:
        """Add positions and types to word embeddings ``[N, T, D]``, and normalise.

        Raises:
            ConfigError: a row is longer than there are positions.
        """
        length, most = words.shape[1], self.position_embedding.num_embeddings
        if length > most:
            raise ConfigError(f"encoder.positions = {most} is less than the {length} tokens of a row; cut it shorter")
        place = torch.arange(length, device=words.device)
        second = torch.zeros_like(place)[None] if question_lengths is None else place >= question_lengths[:, None]
        summed = words + self.position_embedding(place) + self.type_embedding(second.long())
        return self.embedding_dropout(self.embedding_norm(summed))  # type: ignore[no-any-return]

    def attention_bias(self, mask: Tensor, dtype: torch.dtype) -> Tensor | None:
        """``mask [N, T]`` as a bias ``[N, 1, 1, T]``; None where nothing is masked."""
        if mask.device.type == "cpu" and bool(mask.all()):  # elsewhere, to look at the mask is to wait for the device
            return None
        return mask_bias(mask, dtype)[:, None, None, :]

    def finish(self, states: States) -> States:
        """Nothing: the last layer has normalised already."""
        return states

    def memory_modules(self) -> list[nn.Module]:
        """The embeddings with what follows them, and the memory layers."""
        if not self.memory_layers:
            return [self.embedding]
        entrance = [self.position_embedding, self.type_embedding, self.embedding_norm, self.embedding_dropout]
        return [self.embedding, *entrance, *self.blocks[: self.memory_layers]]
