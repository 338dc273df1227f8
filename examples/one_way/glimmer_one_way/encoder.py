"""Live layers in which questions read passages and passages read nothing (MICE, arXiv 2602.16299).

The reranking layers then cost a question's tokens, not a pair's, and what comes out of a passage's memory is still that
memory: nothing of it depends on the question.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from glimmer.data.values import States
from glimmer.errors import ConfigError
from glimmer.models.encoders import T5Encoder, T5EncoderConfig, register_encoder
from glimmer.models.encoders.t5 import T5EncoderLayer
from glimmer.options import option


@dataclass(kw_only=True)
class OneWayConfig(T5EncoderConfig):
    """Options of a T5 encoder, and how far its interaction is one-way."""

    one_way_layers: int | None = option(
        None, "Live layers, from the first, that never rewrite passages; null = all", least=0
    )


@register_encoder("one_way", OneWayConfig)
class OneWayEncoder(T5Encoder):
    """T5 encoder whose first live layers rewrite the question alone: its tokens attend to question and passage."""

    def __init__(self, config: OneWayConfig, vocabulary: int, live_layers: int | None) -> None:
        super().__init__(config, vocabulary, live_layers)
        live = self.layers - self.memory_layers
        one_way = live if config.one_way_layers is None else config.one_way_layers
        if one_way > live:
            raise ConfigError(f"encoder.one_way_layers = {one_way} is more than model.live_layers = {live}")
        self.one_way = range(self.memory_layers, self.memory_layers + one_way)

    def run(self, states: States, start: int, stop: int, question_lengths: Tensor | None) -> States:
        """Run layers; pairs are one-way in those of ``one_way``, and as in T5 elsewhere."""
        first, last = max(start, self.one_way.start), min(stop, self.one_way.stop)
        if question_lengths is None or first >= last:
            return super().run(states, start, stop, question_lengths)
        states = super().run(states, start, first, question_lengths)
        states = self._run_one_way(states, first, last, question_lengths)
        return super().run(states, last, stop, question_lengths)

    def _run_one_way(self, states: States, start: int, stop: int, question_lengths: Tensor) -> States:
        values, longest = states.values, int(question_lengths.max()) if len(question_lengths) else 0
        in_question = torch.arange(longest, device=values.device) < question_lengths[:, None]
        bias = self.attention_bias(states.mask, paired=True)[:, :, :longest]
        for block in self.blocks[start:stop]:
            assert isinstance(block, T5EncoderLayer)
            head = torch.where(in_question[..., None], rewritten(block, values, longest, bias), values[:, :longest])
            values = torch.cat([head, values[:, longest:]], 1)
        return States(values, states.mask)


def rewritten(block: T5EncoderLayer, values: Tensor, length: int, bias: Tensor) -> Tensor:
    """What a layer makes of the first ``length`` tokens of ``values [N, T, D]`` while they attend to all T of them.

    ``bias`` broadcasts to ``[N, H, length, T]``.
    """
    normed = block.attention_norm(values)
    attended = block.attention(normed[:, :length], *block.attention.keys_values(normed), bias)
    states = values[:, :length] + block.dropout(attended)
    made: Tensor = states + block.dropout(block.feed_forward(block.feed_forward_norm(states)))
    return made
