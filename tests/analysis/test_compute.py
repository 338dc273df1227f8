"""The compute accounting against hand-computed values."""

from dataclasses import replace
from fractions import Fraction

import pytest

from glimmer.analysis.compute import (
    ReaderShape,
    encoder_layer,
    exact_count,
    papers_formula,
    passage_memory,
    source_units,
)

BASE = ReaderShape(
    layers=12,
    width=768,
    inner=768,
    ff=2048,
    gated=True,
    live_layers=4,
    rerank_layers=1,
    decoder_layers=12,
    decoder_width=768,
    decoder_inner=768,
    decoder_key_value=768,
    decoder_ff=2048,
    decoder_gated=True,
    cross_period=1,
    vocabulary=32128,
    retrieved=25,
    kept=5,
    question=0,
    passage=256,
    target=8,
)
TINY = ReaderShape(
    layers=3,
    width=4,
    inner=6,
    ff=5,
    gated=False,
    live_layers=2,
    rerank_layers=1,
    decoder_layers=2,
    decoder_width=8,
    decoder_inner=10,
    decoder_key_value=5,
    decoder_ff=7,
    decoder_gated=False,
    cross_period=2,
    vocabulary=11,
    retrieved=3,
    kept=2,
    question=2,
    passage=3,
    target=2,
    score_per_pair=4,
)
THIRD, QUARTER = Fraction(1, 3), Fraction(1, 4)


def fid(k: int) -> ReaderShape:
    return replace(BASE, live_layers=12, rerank_layers=0, retrieved=k, kept=k)


def lumen(k: int) -> ReaderShape:
    return replace(BASE, live_layers=4, rerank_layers=0, retrieved=k, kept=k)


@pytest.mark.parametrize(
    ("retrieved", "kept", "alpha", "beta", "units"),
    [
        (5, 5, Fraction(1), Fraction(0), 70),
        (10, 10, THIRD, Fraction(0), 60),
        (25, 5, THIRD, QUARTER, 50),
        (40, 5, THIRD, QUARTER, 65),
        (25, 25, THIRD, Fraction(0), 150),
        (25, 25, Fraction(1), Fraction(0), 350),
    ],
)
def test_relative_costs_are_the_papers(retrieved: int, kept: int, alpha: Fraction, beta: Fraction, units: int) -> None:
    assert source_units(retrieved, kept, alpha, beta) == units


@pytest.mark.parametrize("shape", [fid(5), lumen(10), BASE, replace(BASE, retrieved=40), lumen(25)])
def test_the_formula_of_a_shape_is_the_expression_in_alpha_and_beta(shape: ReaderShape) -> None:
    unit = shape.passage * shape.layers * shape.width**2
    assert papers_formula(shape).source == unit * source_units(shape.retrieved, shape.kept, shape.alpha, shape.beta)
    assert papers_formula(shape).parts["decoder"] == 8 * 12 * 14 * 768**2


def test_a_reader_without_live_layers_costs_the_projections_alone() -> None:
    memory_only = replace(BASE, live_layers=0, rerank_layers=0, retrieved=5, kept=5)
    assert memory_only.beta == 0
    assert papers_formula(memory_only).source == 5 * 256 * 2 * 12 * 768**2


def test_exact_parts_by_hand() -> None:
    # A layer over T tokens: T·(4·4·6 + 2·4·5) + 2·T²·6 = 136 T + 12 T²; T = 2 alone, T = 5 as a pair.
    assert encoder_layer(TINY, 5) == 980
    assert dict(exact_count(TINY).parts) == {
        "memory": 136 * 2 + 12 * 4,
        "live A": 3 * 980,
        "score": 3 * 4,
        "live B": 2 * 980,
        "cross K,V": 1 * (2 * 5) * 2 * 4 * 5,
        # Two layers: 2 tokens · (2·8·10 + 2·8·5 + 2·8·7) + 10·(1 + 2)·2; one of them 2 · (2·8·10 + 2·10·10) more.
        "decoder": 2 * (2 * 352 + 60) + 2 * 360,
        "logits": 2 * 8 * 11,
    }
    assert passage_memory(TINY) == 136 * 3 + 12 * 9


def test_totals_add_up_the_parts() -> None:
    cost = exact_count(TINY)
    assert cost.total == cost.source + cost.parts["decoder"] + cost.parts["logits"]


def test_without_question_tokens_and_scores_the_exact_count_is_the_formula() -> None:
    # T5 base: 3·d·d_ff = 8 d² exactly, so only the attention scores, 2·n_p²·d a layer and passage, are left over.
    live, keys = papers_formula(BASE), exact_count(BASE)
    scores = 2 * 256**2 * 768
    assert keys.parts["live A"] == live.parts["live A"] + 25 * scores
    assert keys.parts["live B"] == live.parts["live B"] + 5 * 3 * scores
    assert keys.parts["cross K,V"] == live.parts["cross K,V"]


def test_sparse_cross_attention_and_shared_heads_save_their_factors() -> None:
    full = exact_count(BASE).parts["cross K,V"]
    sparse = replace(BASE, cross_period=6, decoder_key_value=64)
    assert exact_count(sparse).parts["cross K,V"] * 6 * 12 == full
