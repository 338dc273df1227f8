"""The report of synthetic results: its schema, its statistics, and honesty about what was not reached."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from glimmer.analysis.aims import aims_of
from glimmer.analysis.plots import draw_comparison, draw_curves, draw_sweep
from glimmer.analysis.report import Origin, as_json, write_report
from glimmer.analysis.results import Comparison, RunResult, Spread, TaskScore
from glimmer.analysis.tables import quantity, table
from glimmer.errors import DataError

TASKS = {"open_qa": "exact_match", "fact_verification": "accuracy"}


def score(metric: str, value: float, kept: int = 70) -> TaskScore:
    return TaskScore(
        metric, value, score_evidence_read=value + 10, questions=90, gold=100, gold_retrieved=80, gold_read=kept
    )


def run(system: str, seed: int, open_qa: float, verification: float, kept: int = 70) -> RunResult:
    return RunResult(
        system=system,
        seed=seed,
        split="test",
        retrieved=25 if system == "glimmer" else 5,
        kept=5,
        reranked=system == "glimmer",
        tasks={
            "open_qa": score("exact_match", open_qa, kept),
            "fact_verification": score("accuracy", verification, kept),
        },
        multiply_adds=50_000_000 if system == "glimmer" else 70_000_000,
        source_units=50 if system == "glimmer" else 70,
        milliseconds=4.0 + seed,
        folder=Path(f"runs/{system}-{seed}"),
        settings={"steps": "100"},
    )


def comparison() -> Comparison:
    runs = [run("fid", 1, 40, 60), run("fid", 2, 44, 64), run("glimmer", 1, 70, 80, 76), run("glimmer", 2, 70, 80, 72)]
    return Comparison.of(runs)


def test_json_has_the_documented_schema_and_hand_computed_values() -> None:
    assert as_json(comparison()) == {
        "split": "test",
        "seeds": [1, 2],
        "systems": {
            "fid": {
                "retrieved": 5,
                "kept": 5,
                "average": {"mean": 52.0, "std": 2.828},  # (50, 54): sample deviation √8
                "tasks": {
                    "open_qa": {"metric": "exact_match", "mean": 42.0, "std": 2.828},
                    "fact_verification": {"metric": "accuracy", "mean": 62.0, "std": 2.828},
                },
                "gold_recall_read": 70.0,
                "multiply_adds": 70_000_000,
                "ms_per_question": 5.5,
            },
            "glimmer": {
                "retrieved": 25,
                "kept": 5,
                "average": {"mean": 75.0, "std": 0.0},
                "tasks": {
                    "open_qa": {"metric": "exact_match", "mean": 70.0, "std": 0.0},
                    "fact_verification": {"metric": "accuracy", "mean": 80.0, "std": 0.0},
                },
                "gold_recall_read": 74.0,
                "multiply_adds": 50_000_000,
                "ms_per_question": 5.5,
            },
        },
        "reranker": {"gold_kept_of_retrieved": 92.5},  # (152/160 + 144/160) / 2
    }


def test_what_no_gold_passage_measures_is_left_out_and_in_no_mean(tmp_path: Path) -> None:
    known = run("glimmer", 1, 70, 80, 76)
    unknown = replace(known.tasks["open_qa"], gold=0, gold_retrieved=0, gold_read=0)
    half = replace(known, tasks={**known.tasks, "open_qa": unknown})
    nothing = replace(known, tasks=dict.fromkeys(known.tasks, unknown))
    found = {name: as_json(Comparison.of([one])) for name, one in (("half", half), ("nothing", nothing))}
    assert found["half"]["systems"]["glimmer"]["gold_recall_read"] == 76.0
    assert found["half"]["reranker"]["gold_kept_of_retrieved"] == 95.0
    assert found["nothing"]["systems"]["glimmer"]["gold_recall_read"] is None
    assert found["nothing"]["reranker"]["gold_kept_of_retrieved"] is None
    assert "keeps" not in " ".join(aim.text for aim in aims_of(Comparison.of([nothing])))
    assert "gold_recall.png" not in draw_comparison(Comparison.of([nothing]), tmp_path)
    table = write_report(Comparison.of([nothing]), Origin(["glimmer report"]), tmp_path)
    assert [cell.strip() for cell in table.splitlines()[2].split("|")][6] == "–"


def test_one_seed_has_no_spread() -> None:
    assert Spread.of([3.0]) == Spread(3.0, 0.0)


def test_aims_are_judged_by_what_was_measured() -> None:
    reached = {aim.text: (aim.measured, aim.reached) for aim in aims_of(comparison())}
    assert reached == {
        "average score of glimmer above fid": ("+23.0 points", True),
        "multiply-adds of glimmer per one of fid": ("0.71", True),
        "retrieved gold passages that glimmer keeps": ("92.5%", True),
        "exact_match of fid on open_qa where the gold passage is read": ("52.0", False),
        "accuracy of fid on fact_verification where the gold passage is read": ("72.0", False),
        "exact_match of glimmer on open_qa where the gold passage is read": ("80.0", False),
        "accuracy of glimmer on fact_verification where the gold passage is read": ("90.0", True),
    }


def test_a_margin_below_the_aim_is_listed_as_not_reached(tmp_path: Path) -> None:
    close = Comparison.of([run("fid", 1, 60, 70), run("glimmer", 1, 62, 72)])
    write_report(close, Origin(["glimmer report"]), tmp_path)
    missed = (tmp_path / "report.md").read_text().split("### Figures not reached")[1]
    assert "average score of glimmer above fid: +2.0 points, wanted ≥ 8.0 points" in missed


def test_the_written_report_holds_table_commands_plots_and_the_same_json(tmp_path: Path) -> None:
    plots = draw_comparison(comparison(), tmp_path)
    main = write_report(comparison(), Origin(["glimmer quickstart --seeds 1,2"], plots=plots), tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert main in text
    assert "glimmer quickstart --seeds 1,2" in text
    assert "runs/glimmer-2/config.yaml" in text
    assert json.loads((tmp_path / "report.json").read_text()) == as_json(comparison())
    for name in plots:
        assert name in text
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_curves_and_sweeps_are_drawn(tmp_path: Path) -> None:
    names = [
        *draw_curves({"loss": {"fid": [[(1, 2.0), (2, 1.0)]]}, "score": {"fid": [[(1, 4.0), (2, 50.0)]]}}, tmp_path),
        *draw_sweep({"5": {"average": Spread(40, 1)}, "10": {"average": Spread(50, 0)}}, "data.retrieved", tmp_path),
    ]
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in names)


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], "no evaluated runs"),
        ([run("fid", 1, 1, 1), run("fid", 1, 2, 2)], "two runs of one seed"),
        ([run("fid", 1, 1, 1), run("glimmer", 2, 2, 2)], "seeds of its system: expected \\[1\\]"),
        ([run("fid", 1, 1, 1), replace(run("fid", 2, 1, 1), split="dev")], "split: expected test"),
        ([run("fid", 1, 1, 1), replace(run("fid", 2, 1, 1), kept=3)], "runs/fid-2: retrieved and kept"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(runs: list[RunResult], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Comparison.of(runs)


def test_tables_align_and_quantities_have_three_digits() -> None:
    assert table(["a", "long"], [["xyz", "1"]]).splitlines() == ["| a   | long |", "|-----|-----:|", "| xyz |    1 |"]
    assert [quantity(n) for n in (7, 1234, 12_345_678, 5e10)] == ["7", "1.23 k", "12.3 M", "50 G"]
