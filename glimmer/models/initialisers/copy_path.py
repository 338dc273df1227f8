"""Initial weights that can copy."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from glimmer.models.decoders.pointer import PointerDecoder
from glimmer.models.decoders.t5 import T5DecoderLayer
from glimmer.models.encoders.t5 import T5EncoderLayer
from glimmer.models.initialisers.base import register_initialiser
from glimmer.models.initialisers.t5 import T5Initialiser
from glimmer.models.t5.attention import Attention, RelativePositionBias


@register_initialiser("copy_path")
class CopyPathInitialiser(T5Initialiser):
    """T5's initialisation with the paths open that reading needs, for small readers trained from nothing.

    The circuit that transformers are seen to learn for copying (induction heads, 2209.11895) is there from the start:

    - of every encoder, the first head looks at the previous token and the second at the few before it, and in the
      first layer they note what they see (``_note_the_past``);
    - the third head finds, elsewhere, what equals the previous token, the fourth what equals the token itself;
    - cross-attention passes a token through as itself, and its first two heads look for the token whose predecessor
      was just written, so that an answer once begun goes on;
    - a pointer finds what the decoder's state is like: its query is its key.

    Every layer but cross-attention begins by adding little, 1/√(2·layers) of T5's, or the token would drown in a deep
    stack. Heads that a small configuration has not are left out.
    """

    @torch.no_grad()
    def __call__(self, module: nn.Module) -> None:
        """Set the weights as T5's, then open the paths."""
        super().__call__(module)
        encoder = [part for part in module.modules() if isinstance(part, T5EncoderLayer)]
        decoder = [part for part in module.modules() if isinstance(part, T5DecoderLayer)]
        _quieten(encoder)
        _quieten(decoder)
        for layer in encoder:
            _find_equals(layer.attention)
        for part in module.modules():
            if isinstance(part, RelativePositionBias):
                _look_back(part)
            elif isinstance(part, PointerDecoder):
                _point_at_likes(part)
        crosses = [layer.cross_attention for layer in decoder if layer.cross_attention is not None]
        for cross in crosses:
            _pass_through(cross)
        if encoder:
            past = _note_the_past(encoder[0].attention)
            for layer in encoder[1:]:
                _look_for_past(layer.attention, (FOLLOWER,), past)
            for cross in crosses:
                _look_for_past(cross, (0, 1), past[::-1])


PREVIOUS, RECENT, FOLLOWER, EQUAL = range(4)
"""What the heads of an encoder begin as."""
NEARNESS = 6.0
"""Position bias, in nats, that outweighs what a new head makes of contents."""
LOUDNESS = 1.5
"""How loud the past is noted, in units of the token itself."""
CONTENT = {PREVIOUS: 0.55, RECENT: 0.55, EQUAL: 1.4}
"""Factors on query and key: heads that look back go by position, and a match must outweigh a whole passage."""
SHARPNESS = 0.45
"""Scale of a match's logit: with heads of 32 a match stands some 8 nats above nothing."""


def _quieten(layers: Sequence[T5EncoderLayer] | Sequence[T5DecoderLayer]) -> None:
    """Scale what self-attention and feed-forward layers add."""
    for layer in layers:
        for linear in (layer.attention.output, layer.feed_forward.output):
            linear.weight.mul_((2 * len(layers)) ** -0.5)


def _rows(head: int, attention: Attention) -> slice:
    return slice(head * attention.head_width, (head + 1) * attention.head_width)


def _find_equals(attention: Attention) -> None:
    """Equal tokens find each other: the key is the query."""
    scale = math.sqrt(attention.head_width) ** -0.5
    nn.init.normal_(attention.query.weight, std=attention.query.in_features**-0.5 * scale)
    for head in range(attention.heads):
        attention.query.weight[_rows(head, attention)] *= CONTENT.get(head, 1.0)
    attention.key.weight.copy_(attention.query.weight)


def _look_back(table: RelativePositionBias) -> None:
    """Heads for the previous token and the few before; those that compare do not see what stands beside them."""
    table.weight.zero_()
    before, here = table.bucket(torch.arange(-4, 0)), table.bucket(torch.zeros(1, dtype=torch.long))
    heads = table.weight.shape[1]
    if heads > PREVIOUS + 1:
        table.weight[before[-1], PREVIOUS] = NEARNESS
    if heads > RECENT + 1:
        table.weight[before, RECENT] = NEARNESS / 2
    if heads > EQUAL and table.bidirectional:
        table.weight[torch.cat([before[-1:], here]), FOLLOWER] = -NEARNESS
        table.weight[here, EQUAL] = -NEARNESS


def _pass_through(cross: Attention) -> None:
    """The output is the transpose of an orthogonal value projection, divided among the heads that share it."""
    nn.init.orthogonal_(cross.value.weight)
    shared = cross.heads // cross.key_value_heads
    values = cross.value.weight.view(cross.key_value_heads, cross.head_width, -1)
    back = values.repeat_interleave(shared, 0).flatten(0, 1).T / shared
    if back.shape == cross.output.weight.shape:
        cross.output.weight.copy_(back)


def _point_at_likes(decoder: PointerDecoder) -> None:
    """What cross-attention has passed through, such as the question's gap, points at what is like it."""
    if decoder.pointer_query.weight.shape == decoder.pointer_key.weight.shape:
        nn.init.orthogonal_(decoder.pointer_key.weight)
        decoder.pointer_query.weight.copy_(decoder.pointer_key.weight)


def _note_the_past(attention: Attention) -> tuple[Tensor, Tensor]:
    """Have the two heads that look back write what they see where it can be read.

    Returns the previous token's projections: ``[C, D]`` from the token, and ``[C, D]`` from where it is noted.
    """
    projections = []
    for head in range(min(attention.heads, RECENT + 1)):
        rows = _rows(head, attention)
        token = nn.init.orthogonal_(attention.value.weight.new_empty(attention.head_width, attention.value.in_features))
        note = nn.init.orthogonal_(
            attention.output.weight.new_empty(attention.output.out_features, attention.head_width)
        )
        attention.value.weight[rows] = token
        attention.output.weight[:, rows] = LOUDNESS * note
        projections.append((token, note.T))
    return projections[PREVIOUS]


def _look_for_past(attention: Attention, heads: tuple[int, ...], past: tuple[Tensor, Tensor]) -> None:
    """Have ``heads`` ask with the second projection of ``past`` for what the first one finds, or the reverse."""
    found, asked = past
    for head in heads:
        if (
            head < attention.key_value_heads == attention.heads
            and found.shape == attention.query.weight[_rows(head, attention)].shape
        ):
            attention.query.weight[_rows(head, attention)] = math.sqrt(SHARPNESS) * asked
            attention.key.weight[_rows(head, attention)] = math.sqrt(SHARPNESS) * found
