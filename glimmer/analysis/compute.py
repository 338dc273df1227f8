"""Multiply-adds per question: the papers' formula beside the exact count, and what a memory takes on disk.

A multiply-add is counted once (a product of matrices ``[a, b] @ [b, c]`` costs ``a·b·c``); norms, softmax,
activations and look-ups are not counted. All counts are of answering one question with a key-value cache.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class ReaderShape:
    """The sizes that decide what a reader computes for one question.

    Lengths are tokens: ``question`` (n_q), ``passage`` (n_p) and ``target`` (n_t). ``live_layers`` of the
    encoder's ``layers`` run online, the first ``rerank_layers`` of them on all ``retrieved`` passages and the
    rest on the ``kept`` ones.
    """

    layers: int
    width: int
    inner: int
    """Heads × head width of the encoder."""
    ff: int
    gated: bool
    live_layers: int
    rerank_layers: int
    decoder_layers: int
    decoder_width: int
    decoder_inner: int
    """Query heads × head width of the decoder."""
    decoder_key_value: int
    """Key-value heads × head width of the decoder."""
    decoder_ff: int
    decoder_gated: bool
    cross_period: int
    """Every so manieth decoder layer has cross-attention: layer i where (i + 1) mod period = 0."""
    vocabulary: int
    retrieved: int
    kept: int
    question: int
    passage: int
    target: int
    score_per_pair: int = 0
    """Multiply-adds of the reranker's head for one (question, passage) pair."""
    live_per_pair: tuple[int, int] | None = None
    """Multiply-adds of live layers A and of B over one pair, where they are not those of a T5 encoder's layers."""
    question_block: bool = False
    """Whether the decoder also reads the question's states alone."""
    pointer_width: int = 0
    """Width of the queries and keys with which the decoder points at source tokens; 0 = it does not."""

    @property
    def alpha(self) -> Fraction:
        """The share of the encoder's layers that are live."""
        return Fraction(self.live_layers, self.layers)

    @property
    def beta(self) -> Fraction:
        """The share of the live layers that rerank (live layers A)."""
        return Fraction(self.rerank_layers, self.live_layers) if self.live_layers else Fraction(0)

    @property
    def cross_layers(self) -> int:
        """The number of decoder layers with cross-attention."""
        return self.decoder_layers // self.cross_period


@dataclass(frozen=True)
class Cost:
    """Multiply-adds of one question by part, in the order in which the parts run."""

    parts: Mapping[str, int]

    @property
    def source(self) -> int:
        """All that is paid for passages and question: everything before the first decoder step."""
        return sum(self.parts[part] for part in SOURCE_PARTS)

    @property
    def total(self) -> int:
        """Everything."""
        return sum(self.parts.values())


SOURCE_PARTS = ("memory", "live A", "score", "live B", "cross K,V")
PARTS = (*SOURCE_PARTS, "decoder", "logits")


def source_units(retrieved: int, kept: int, alpha: Fraction, beta: Fraction) -> Fraction:
    """The papers' source-side cost in units of n_p·L·d²: ``m(12α + 2) + (k − m)·12βα``.

    One expression for all systems (GLIMMER, section on compute): FiD is α = 1 and LUMEN any α with m = k.
    A full layer costs 14 d² a token: 8 the feed-forward block, 4 the attention projections, 2 the decoder's
    cross-attention keys and values.
    """
    return kept * (12 * alpha + 2) + (retrieved - kept) * 12 * beta * alpha


def papers_formula(shape: ReaderShape) -> Cost:
    """The papers' count: d² terms alone, no question tokens, no attention scores, no output projection."""
    live_b = shape.live_layers - shape.rerank_layers
    square = shape.width**2
    return _cost(
        {
            "live A": shape.retrieved * shape.passage * 12 * shape.rerank_layers * square,
            "live B": shape.kept * shape.passage * 12 * live_b * square,
            "cross K,V": shape.kept * shape.passage * 2 * shape.layers * square,
            "decoder": shape.target * 14 * shape.layers * square,
        }
    )


def exact_count(shape: ReaderShape) -> Cost:
    """Every matrix product that answering one question takes, its passages' memory already stored.

    Beyond the formula: the question's own memory layers, question tokens in front of every passage, attention
    scores, the real feed-forward width, key-value heads, cross-attention period, the decoder's own width and the
    output logits. Step t of the decoder attends to t keys.
    """
    block = int(shape.question_block)
    pair = shape.question + shape.passage
    source = shape.kept * pair + block * shape.question
    on_pair, on_question = encoder_layer(shape, pair), encoder_layer(shape, shape.question)
    memory_layers = shape.layers - shape.live_layers
    live_b = shape.live_layers - shape.rerank_layers
    pair_a, pair_b = shape.live_per_pair or (shape.rerank_layers * on_pair, live_b * on_pair)
    return _cost(
        {
            "memory": (1 + block) * memory_layers * on_question,
            "live A": shape.retrieved * pair_a + block * shape.rerank_layers * on_question,
            "score": shape.retrieved * shape.score_per_pair,
            "live B": shape.kept * pair_b + block * live_b * on_question,
            "cross K,V": shape.cross_layers * source * 2 * shape.width * shape.decoder_key_value,
            "decoder": _decoder(shape, source),
            "logits": shape.target * shape.decoder_width * shape.vocabulary + _pointer(shape, source),
        }
    )


def passage_memory(shape: ReaderShape) -> int:
    """Multiply-adds of writing one passage's memory, paid once a passage, not a question."""
    return (shape.layers - shape.live_layers) * encoder_layer(shape, shape.passage)


def encoder_layer(shape: ReaderShape, tokens: int) -> int:
    """One encoder layer over one sequence: projections, scores and weighted sums, feed-forward block."""
    projections = 4 * shape.width * shape.inner
    feed_forward = (3 if shape.gated else 2) * shape.width * shape.ff
    return tokens * (projections + feed_forward) + 2 * tokens**2 * shape.inner


def _decoder(shape: ReaderShape, source: int) -> int:
    """The decoder's steps without cross-attention keys and values, which are made once."""
    width, inner = shape.decoder_width, shape.decoder_inner
    self_projections = 2 * width * inner + 2 * width * shape.decoder_key_value
    feed_forward = (3 if shape.decoder_gated else 2) * width * shape.decoder_ff
    self_scores = inner * shape.target * (shape.target + 1)
    every = shape.target * (self_projections + feed_forward) + self_scores
    cross = shape.target * (2 * width * inner + 2 * source * inner)
    return shape.decoder_layers * every + shape.cross_layers * cross


def _pointer(shape: ReaderShape, source: int) -> int:
    """Keys of all source tokens, and for every step a query, its products with them, and the gate."""
    if not shape.pointer_width:
        return 0
    step = shape.decoder_width * (shape.pointer_width + 1) + source * shape.pointer_width
    return source * shape.width * shape.pointer_width + shape.target * step


def _cost(parts: Mapping[str, int]) -> Cost:
    return Cost(MappingProxyType({part: parts.get(part, 0) for part in PARTS}))
