"""Retrieval metrics: KILT's golden values and the rules behind them."""

import pytest

from glimmer.data.values import Output, Provenance, Record
from glimmer.evaluation.retrieval import (
    evidence_rank,
    evidence_sets,
    precision_at,
    r_precision,
    recall_at,
    success_at,
)

# KILT's second fixture: three evidence sets of pages, and two rankings of pages.
EVIDENCE = (frozenset({"1", "2"}), frozenset({"5"}), frozenset({"7", "9", "11"}))
LONG = ["2", "5", "7", "33", "1", "9", "44", "88"]
SHORT = ["5"]


def test_kilt_golden_values() -> None:
    assert r_precision(LONG, EVIDENCE) == pytest.approx(1 / 2)
    assert precision_at(1, LONG, EVIDENCE) == 1.0
    assert precision_at(5, LONG, EVIDENCE) == pytest.approx(2 / 5)
    assert recall_at(5, LONG, EVIDENCE) == pytest.approx(2 / 3)
    assert success_at(5, LONG, EVIDENCE) == 1.0
    assert r_precision(SHORT, EVIDENCE) == 1.0
    assert precision_at(5, SHORT, EVIDENCE) == pytest.approx(1 / 5)
    assert recall_at(5, SHORT, EVIDENCE) == pytest.approx(1 / 3)


def test_an_evidence_set_stands_where_its_last_member_stands() -> None:
    # 2 opens the first set, 1 completes it; 7 and then 9 hold one place for the incomplete third set.
    assert evidence_rank(LONG, EVIDENCE) == [True, False, True, False, False, False]
    assert evidence_rank(["x", "2", "y", "1"], EVIDENCE[:1]) == [False, False, True]


def test_repeated_ids_and_sets_count_once() -> None:
    assert evidence_rank(["5", "5", "3"], (EVIDENCE[1], EVIDENCE[1])) == [True, False]
    assert recall_at(5, ["5"], (EVIDENCE[1], EVIDENCE[1])) == 1.0
    assert r_precision(["2", "2", "1"], EVIDENCE[:1]) == 1.0


def test_nothing_retrieved_or_nothing_gold_scores_zero() -> None:
    for ranked, evidence in (((), EVIDENCE), (LONG, ())):
        assert r_precision(ranked, evidence) == 0.0
        assert recall_at(5, ranked, evidence) == 0.0
        assert success_at(5, ranked, evidence) == 0.0


def test_evidence_sets_of_a_record_are_distinct_and_not_empty() -> None:
    one, two = Provenance("a"), Provenance("b")
    outputs = (Output("x", (one, two)), Output("y", (two, one)), Output("z"), Output(None, (two,)))
    assert evidence_sets(Record("1", "q", outputs)) == (frozenset({"a", "b"}), frozenset({"b"}))
