"""From trained runs to a report and a compute table, by the commands."""

import json
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from small_runs import small_run, train_pair

from glimmer.cli.main import main
from glimmer.inference.run import LoadedRun
from glimmer.training.run import train


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("runs")
    return [str(run) for run in train_pair(folder, "fid-seed5", "glimmer-seed5")]


def report(runs: list[str], output: Path) -> int:
    return main(["report", *runs, "--output", str(output), "--split", "dev", "--timed", "2"])


def test_a_report_of_trained_runs_is_complete(
    runs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(runs, tmp_path) == 0
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["split"] == "dev"
    assert written["seeds"] == [5]
    fid, glimmer = written["systems"]["fid"], written["systems"]["glimmer"]
    assert (fid["retrieved"], fid["kept"]) == (3, 3)
    assert (glimmer["retrieved"], glimmer["kept"]) == (3, 1)
    assert 0 < glimmer["multiply_adds"] < fid["multiply_adds"]
    assert glimmer["ms_per_question"] > 0
    assert fid["tasks"]["open_qa"]["metric"] == "exact_match"
    assert 0 <= written["reranker"]["gold_kept_of_retrieved"] <= 100
    plots = {path.name for path in tmp_path.glob("*.png")}
    assert plots == {"score_vs_compute.png", "score_by_task.png", "gold_recall.png", "training_curves.png"}
    text = (tmp_path / "report.md").read_text()
    assert all(name in text for name in plots)
    assert "--split dev --timed 2" in text
    assert "| GLIMMER |" in capsys.readouterr().out

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("evaluated again")

    monkeypatch.setattr(LoadedRun, "evaluate", refuse)  # the same weights are not evaluated twice
    assert report(runs, tmp_path) == 0


def test_other_weights_are_evaluated_again(runs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert report(runs, tmp_path) == 0
    path = Path(runs[1]) / "evaluation" / "open_qa-dev.json"
    saved = json.loads(path.read_text())
    stale = saved | {"made_by": saved["made_by"] | {"weights": "others"}, "score": 0.123}
    path.write_text(json.dumps(stale))
    assert report(runs, tmp_path) == 0
    assert json.loads(path.read_text())["score"] != 0.123


def test_a_report_goes_on_from_what_evaluate_left(
    runs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", runs[0]]) == 0
    capsys.readouterr()
    assert main(["evaluate", runs[1], "--json"]) == 0
    evaluated = json.loads(capsys.readouterr().out)["tasks"]["open_qa"]["metrics"]

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("evaluated again")

    monkeypatch.setattr(LoadedRun, "evaluate", refuse)
    assert report(runs, tmp_path) == 0
    written = json.loads((tmp_path / "report.json").read_text())
    recall = written["systems"]["glimmer"]["gold_recall_read"]
    assert recall == pytest.approx(100 * evaluated["gold_recall_read"], abs=1e-3), "one name is one figure"
    kept = written["reranker"]["gold_kept_of_retrieved"]
    assert kept == pytest.approx(100 * evaluated["gold_kept_of_retrieved"], abs=1e-3)


def test_a_run_that_logged_nothing_is_reported_without_curves(runs: list[str], tmp_path: Path) -> None:
    run = copytree(runs[1], tmp_path / "quiet-seed5")
    (run / "metrics.jsonl").unlink()  # as without the callback metrics_jsonl
    assert report([str(run)], tmp_path / "report") == 0
    assert "![" in (tmp_path / "report" / "report.md").read_text()
    assert not (tmp_path / "report" / "training_curves.png").exists()


def test_a_folder_without_a_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report([str(tmp_path / "nothing")], tmp_path) == 1
    assert "nothing" in capsys.readouterr().err


def test_compute_prints_both_counts_of_a_run(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compute", runs[1], "--passage", "10", "--question", "4", "--target", "2"]) == 0
    out = capsys.readouterr().out
    assert "3 passages retrieved, 1 kept; 4 question, 10 passage and 2 target tokens" in out
    # Raw bfloat16 of width 16: 32 bytes a token.
    assert "32 bytes a token, 320 bytes a passage" in out
    # 3 passages · 10 tokens · 12 · 16² by the formula.
    row = next(line for line in out.splitlines() if line.startswith("| live A"))
    assert "92.2 k" in row


def test_compute_names_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compute", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml: no such file" in capsys.readouterr().err


def test_a_sweep_reports_the_runs_below_a_folder(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(runs[0]).parent / "data"
    for kept in (1, 2):
        train(small_run(data, tmp_path / "multirun" / str(kept), selector={"name": "top_m", "kept": kept}))
    assert main(["report", "--sweep", str(tmp_path / "multirun"), "--output", str(tmp_path / "out")]) == 0
    assert "| selector.kept |" in capsys.readouterr().out
    written = json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert set(written["scores"]) == {"1", "2"}
    assert written["split"] == "dev", "test is not for choosing"


def test_a_sweep_without_a_key_is_refused_before_anything_is_evaluated(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        copytree(runs[0], tmp_path / "multirun" / str(number), ignore=ignore_patterns("evaluation", "predictions"))
    assert main(["report", "--sweep", str(tmp_path / "multirun"), "--output", str(tmp_path / "out")]) == 1
    assert "the runs of the sweep have the same configuration" in capsys.readouterr().err
    assert not list(tmp_path.rglob("evaluation"))
