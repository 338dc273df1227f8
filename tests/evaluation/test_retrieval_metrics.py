"""Retrieval metrics: KILT's golden values and the rules behind them."""

from glimmer.data.values import Output, Provenance, Record
from glimmer.evaluation.retrieval import evidence_sets, r_precision, rank_evidence

# KILT's second fixture: three evidence sets of pages, and two rankings of pages.
EVIDENCE = (frozenset({"1", "2"}), frozenset({"5"}), frozenset({"7", "9", "11"}))
LONG = ["2", "5", "7", "33", "1", "9", "44", "88"]
SHORT = ["5"]


def test_kilt_golden_values() -> None:
    assert r_precision(LONG, EVIDENCE) == 1 / 2
    long = rank_evidence(LONG, EVIDENCE)
    assert long.precision(1) == 1.0
    assert long.precision(5) == 2 / 5
    assert long.recall(5) == 2 / 3
    assert long.success(5) == 1.0
    assert r_precision(SHORT, EVIDENCE) == 1.0
    short = rank_evidence(SHORT, EVIDENCE)
    assert short.precision(5) == 1 / 5
    assert short.recall(5) == 1 / 3


def test_an_evidence_set_stands_where_its_last_member_stands() -> None:
    # 2 opens the first set, 1 completes it; 7 and then 9 hold one place for the incomplete third set.
    assert rank_evidence(LONG, EVIDENCE).items == (True, False, True, False, False, False)
    assert rank_evidence(["x", "2", "y", "1"], EVIDENCE[:1]).items == (False, False, True)


def test_repeated_ids_and_sets_count_once() -> None:
    ranking = rank_evidence(["5", "5", "3"], (EVIDENCE[1], EVIDENCE[1]))
    assert ranking.items == (True, False)
    assert ranking.recall(5) == 1.0
    assert r_precision(["2", "2", "1"], EVIDENCE[:1]) == 1.0


def test_nothing_retrieved_or_nothing_gold_scores_zero() -> None:
    for ranked, evidence in (((), EVIDENCE), (LONG, ())):
        assert r_precision(ranked, evidence) == 0.0
        ranking = rank_evidence(ranked, evidence)
        assert ranking.precision(5) == ranking.recall(5) == ranking.success(5) == 0.0


def test_an_empty_set_is_one_that_nothing_completes() -> None:
    ranking = rank_evidence(["5"], (EVIDENCE[1], frozenset()))
    assert ranking.items == (True,)
    assert ranking.recall(5) == 1 / 2


def test_sets_that_share_an_id_are_items_one_after_another() -> None:
    # 2 is in both: the single page is complete at once, the pair when 1 comes.
    ranking = rank_evidence(["2", "9", "1"], (frozenset({"2"}), frozenset({"1", "2"})))
    assert ranking.items == (True, False, True)


def test_evidence_sets_of_a_record_are_distinct_and_not_empty() -> None:
    one, two = Provenance("a"), Provenance("b")
    outputs = (Output("x", (one, two)), Output("y", (two, one)), Output("z"), Output(None, (two,)))
    assert evidence_sets(Record("1", "q", outputs)) == (frozenset({"a", "b"}), frozenset({"b"}))
