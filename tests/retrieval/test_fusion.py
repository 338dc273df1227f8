"""Fusion adds reciprocal ranks, whatever the scores of the rankings are, or the standardised scores."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from glimmer.config.load import load_component
from glimmer.data.values import Passage
from glimmer.errors import GlimmerError
from glimmer.registry import ComponentConfig
from glimmer.retrieval import RETRIEVERS, Hits, Retriever, RetrieverConfig
from glimmer.retrieval.fusion import standard

PASSAGES = [Passage(str(row), "", text) for row, text in enumerate(["red", "red red blue", "green", "blue"])]


@pytest.fixture
def listed() -> Iterator[None]:
    """Two retrievers whose rankings are lists."""

    def kind(name: str, rows: Sequence[int]) -> None:
        class Listed(Retriever):
            def retrieve(self, queries: Sequence[str], k: int) -> list[Hits]:
                return [[(row, 1000.0 - row) for row in rows][:k] for _ in queries]

        RETRIEVERS.register(name, RetrieverConfig)(Listed)

    kind("listed_a", [2, 0, 1])
    kind("listed_b", [0, 3])
    yield
    for name in ("listed_a", "listed_b"):
        del RETRIEVERS._entries[name]


def fusion(**options: object) -> Retriever:
    of = {"a": RETRIEVERS.configure("listed_a"), "b": RETRIEVERS.configure("listed_b")}
    return RETRIEVERS.build(RETRIEVERS.configure("fusion", of=of, **options), PASSAGES)


@pytest.mark.usefixtures("listed")
def test_scores_are_sums_of_reciprocal_ranks() -> None:
    (hits,) = fusion(constant=60.0).retrieve(["any"], 4)
    assert hits == [
        (0, pytest.approx(1 / 62 + 1 / 61)),
        (2, pytest.approx(1 / 61)),
        (3, pytest.approx(1 / 62)),
        (1, pytest.approx(1 / 63)),
    ]


@pytest.mark.usefixtures("listed")
def test_weights_and_depth_decide_what_counts() -> None:
    (hits,) = fusion(weights={"b": 0.0}, constant=1.0).retrieve(["any"], 2)
    assert hits == [(2, pytest.approx(1 / 2)), (0, pytest.approx(1 / 3))]
    (hits,) = fusion(depth=1, constant=1.0).retrieve(["any"], 1)
    assert hits == [(0, pytest.approx(1 / 2))], "of equal scores the earlier passage comes first"


@pytest.mark.usefixtures("listed")
def test_scores_are_standardised_over_all_that_is_found() -> None:
    # a: 998, 1000, 999 of rows 2, 0, 1, and its lowest, 998, for row 3; mean 998.75, variance 11/16.
    # b: 1000, 997 of rows 0, 3, and its lowest, 997, for rows 1 and 2; mean 997.75, variance 27/16.
    (hits,) = fusion(method="score", weights={"b": 2.0}).retrieve(["any"], 4)
    a, b = math.sqrt(11) / 4, math.sqrt(27) / 4
    assert hits == [
        (0, pytest.approx(1.25 / a + 2 * 2.25 / b)),
        (1, pytest.approx(0.25 / a - 2 * 0.75 / b)),
        (2, pytest.approx(-0.75 / a - 2 * 0.75 / b)),
        (3, pytest.approx(-0.75 / a - 2 * 0.75 / b)),
    ]


def test_scores_that_are_all_equal_or_absent_say_nothing() -> None:
    assert standard([(4, 0.1), (7, 0.1), (9, 0.1)], [4, 7, 9]) == [0, 0, 0]
    assert standard([], [4, 7]) == [0, 0]
    assert standard([], []) == []
    assert standard([(1, -3.0)], [1, 2]) == [0, 0]
    assert standard([(4, 1e30), (7, -1e30)], [4, 7]) == [1, -1]


@pytest.mark.usefixtures("listed")
def test_a_method_is_told_apart() -> None:
    assert fusion(method="score").fingerprint("dev") != fusion().fingerprint("dev")


def test_of_two_rankings_by_one_retriever_nothing_changes_but_the_score(tmp_path: Path) -> None:
    alone = RETRIEVERS.build(RETRIEVERS.configure("bm25"), PASSAGES, tmp_path)
    of = {"one": RETRIEVERS.configure("bm25"), "other": RETRIEVERS.configure("bm25")}
    fused = RETRIEVERS.build(RETRIEVERS.configure("fusion", of=of), PASSAGES, tmp_path)
    for query in ("red", "blue", "red blue", "yellow"):
        (plain,), (both,) = alone.retrieve([query], 4), fused.retrieve([query], 4)
        assert [row for row, _ in both] == [row for row, _ in plain]


def configured(**options: object) -> ComponentConfig:
    made: ComponentConfig = load_component(RETRIEVERS, {"name": "fusion", **options}, "data.retrievers.default")
    return made


def test_a_fusion_is_configured_by_a_mapping_and_tells_its_parts_apart() -> None:
    parts = {"words": {"name": "bm25"}, "steps": {"name": "two_step", "read": 3}}
    made = configured(of=parts)
    assert made == RETRIEVERS.configure(
        "fusion", of={"words": RETRIEVERS.configure("bm25"), "steps": RETRIEVERS.configure("two_step", read=3)}
    )
    other = configured(of=parts | {"words": {"name": "bm25", "k1": 0.9}})
    names = [RETRIEVERS.build(config, PASSAGES).fingerprint("dev") for config in (made, other)]
    assert names[0] != names[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"of": {"a": {"name": "bm25"}}}, r"data\.retrievers\.default\.of must be two retrievers at least"),
        ({"of": {"a": {"name": "bm25"}, "b": {"name": "bm26"}}}, r"default\.of\.b: unknown retriever 'bm26'; did you"),
        ({"of": {"a": {"name": "bm25"}, "b": {"name": "bm25", "k1": -1}}}, r"default\.of\.b\.k1 must be at least 0"),
        (
            {"of": {"a": {"name": "bm25"}, "b": {"name": "two_step"}}, "method": "rank"},
            r"default\.method has no choice 'rank'; Known: reciprocal_rank, score",
        ),
        (
            {"of": {"a": {"name": "bm25"}, "b": {"name": "two_step"}}, "weights": {"c": 1.0}},
            r"default\.weights\.c is of none of the retrievers a, b",
        ),
    ],
)
def test_what_cannot_be_fused_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(GlimmerError, match=message):
        configured(**options)
