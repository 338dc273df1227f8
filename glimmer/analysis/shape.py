"""The sizes of a configured reader, for compute accounting."""

from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from glimmer.analysis.compute import ReaderShape
from glimmer.config.schema import RunConfig
from glimmer.data.values import States
from glimmer.errors import ConfigError
from glimmer.models.decoders import PointerDecoderConfig, T5DecoderConfig
from glimmer.models.encoders import ENCODERS, BertEncoder, BertEncoderConfig, Encoder, T5Encoder, T5EncoderConfig
from glimmer.models.reader import ReaderConfig
from glimmer.models.rerankers import RERANKERS, RerankerConfig
from glimmer.models.selectors import SELECTORS
from glimmer.models.values import Pairs


@dataclass(frozen=True)
class Lengths:
    """Tokens of a question, a passage and a target."""

    question: int
    passage: int
    target: int


def shape_of(config: RunConfig, vocabulary: int, lengths: Lengths | None = None) -> ReaderShape:
    """The shape of a run's reader for questions of these lengths, by default the longest that it admits.

    Raises:
        ConfigError: the encoder, decoder or model is none whose arithmetic is known here.
    """
    encoder, decoder, model = config.encoder, config.decoder, config.model
    if not isinstance(encoder, T5EncoderConfig | BertEncoderConfig):
        raise ConfigError(f"encoder {encoder.name!r}: multiply-adds are known of T5's and BERT's alone (encoder=t5)")
    if not isinstance(decoder, T5DecoderConfig):
        raise ConfigError(f"decoder {decoder.name!r}: multiply-adds are known of T5 decoders only (decoder=t5)")
    if not isinstance(model, ReaderConfig):
        raise ConfigError(f"model {model.name!r}: multiply-adds are known of the reader only (model=reader)")
    if lengths is None:
        collator = config.collator
        lengths = Lengths(collator.question_tokens, collator.passage_tokens, collator.target_tokens)
    retrieved = config.collator.passages or config.data.retrieved
    return ReaderShape(
        layers=encoder.layers,
        width=encoder.width,
        inner=encoder.heads * encoder.head_width,
        ff=encoder.feed_forward,
        gated=encoder.activation.startswith("gated"),
        live_layers=model.live_layers,
        rerank_layers=model.rerank_layers,
        decoder_layers=decoder.layers,
        decoder_width=decoder.width or encoder.width,
        decoder_inner=decoder.heads * decoder.head_width,
        decoder_key_value=(decoder.key_value_heads or decoder.heads) * decoder.head_width,
        decoder_ff=decoder.feed_forward,
        decoder_gated=decoder.activation.startswith("gated"),
        cross_period=decoder.cross_attention_period,
        vocabulary=vocabulary,
        retrieved=retrieved,
        kept=SELECTORS.build(config.selector).most(retrieved),
        question=lengths.question,
        passage=lengths.passage,
        target=lengths.target,
        score_per_pair=_score_per_pair(config.reranker, encoder.width, lengths),
        live_per_pair=_live_per_pair(encoder, vocabulary, model, lengths),
        question_block=model.question_block,
        pointer_width=decoder.pointer_width if isinstance(decoder, PointerDecoderConfig) else 0,
    )


def _score_per_pair(config: RerankerConfig, width: int, lengths: Lengths) -> int:
    """Run the head on one pair and count, so that heads from outside the package count too."""
    head = RERANKERS.build(config, width)
    with FlopCounterMode(display=False) as counter:
        head.score(_pair(width, lengths))
    return int(counter.get_total_flops()) // 2


def _live_per_pair(
    config: T5EncoderConfig | BertEncoderConfig, vocabulary: int, model: ReaderConfig, lengths: Lengths
) -> tuple[int, int] | None:
    """Live layers A and B of an encoder from outside the package that extends one of it: run on a pair, and counted."""
    if ENCODERS[config.name].component in (T5Encoder, BertEncoder):
        return None
    encoder = ENCODERS.build(config, vocabulary=vocabulary, live_layers=model.live_layers)
    first = encoder.memory_layers
    score_after = first + model.rerank_layers
    pair = _pair(config.width, lengths)
    return _run_cost(encoder, pair, first, score_after), _run_cost(encoder, pair, score_after, encoder.layers)


def _run_cost(encoder: Encoder, pair: Pairs, start: int, stop: int) -> int:
    with torch.enable_grad(), FlopCounterMode(display=False) as counter:  # then attention is explicit products
        encoder.run(pair.states, start, stop, pair.question_lengths)
    return int(counter.get_total_flops()) // 2


def _pair(width: int, lengths: Lengths) -> Pairs:
    tokens = lengths.question + lengths.passage
    states = States(torch.zeros(1, tokens, width), torch.ones(1, tokens, dtype=torch.bool))
    zero = torch.zeros(1, dtype=torch.long)
    return Pairs(states, zero, zero, torch.tensor([lengths.question]))
