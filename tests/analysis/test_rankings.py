"""Where gold passages stand, for retrievers and for runs that rerank: counted again by hand."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from small_runs import small_run, train_pair

from glimmer.analysis.chosen_retrievers import ChosenRetriever
from glimmer.analysis.rankings import Rankings, as_json
from glimmer.cli.main import main
from glimmer.data.files import read_json_lines
from glimmer.inference.run import LoadedRun, load_run
from glimmer.retrieval import RETRIEVERS
from glimmer.training.run import train


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    fid, mine = train_pair(folder, "fid", "mine")
    return {"fid": fid, "mine": mine}


def gold_first(run: LoadedRun, rankings: Sequence[Sequence[str]], k: int) -> float:
    records = run.corpus.records("open_qa", "dev")
    return (
        100
        * sum(not record.gold_ids.isdisjoint(ids[:k]) for record, ids in zip(records, rankings, strict=True))
        / len(records)
    )


def test_the_report_counts_gold_passages_as_they_stand(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = [f"fid={runs['fid']}", f"glimmer={runs['mine']}"]
    command = ["rankings", *named, "--retrievers", "bm25,again=two_step", "--output", str(tmp_path)]
    assert main(command) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert list(report["rank1"]["open_qa"]) == ["bm25", "again", "reranker"]
    run = load_run(runs["mine"])
    retrieved = [[c.passage.id for c in row] for row in run.corpus.candidates("open_qa", "dev")]
    lines = [line for _, line in read_json_lines(runs["mine"] / "predictions" / "open_qa-dev.jsonl", "")]
    reranked = [[p["passage_id"] for p in line["output"][0]["provenance"]] for line in lines]
    for k in (1, 5):
        row = report[f"rank{k}"]["open_qa"]
        assert row["bm25"] == pytest.approx(gold_first(run, retrieved, k))
        assert row["reranker"] == pytest.approx(gold_first(run, reranked, k))
        assert report["means"][f"rank{k}"] == {"mean": row}
    assert set(report["systems"]) == {"fid", "glimmer"}
    assert set(report["systems"]["fid"]["open_qa"]) == {"exact_match", "f1"}
    text = (tmp_path / "report.md").read_text()
    assert "--retrievers bm25,again=two_step" in text
    assert "(rankings.png)" in text
    assert (tmp_path / "rankings.png").exists()
    assert "| open_qa |" in capsys.readouterr().out


def test_retrievers_are_the_runs_own_their_parts_or_others_with_options_of_ones_own(runs: dict[str, Path]) -> None:
    config = load_run(runs["fid"]).config
    words, steps = RETRIEVERS.configure("bm25", k1=0.7), RETRIEVERS.configure("two_step")
    fused = RETRIEVERS.configure("fusion", of={"words": words, "steps": steps})
    config = replace(config, data=replace(config.data, retrievers={"default": fused}))
    assert ChosenRetriever("default").resolve(config) == fused
    assert ChosenRetriever("default.of.words").resolve(config) == words
    assert ChosenRetriever("bm25").resolve(config) == RETRIEVERS.configure("bm25")
    changed = ChosenRetriever("default", ["method=score", "of.words.k1=2"]).resolve(config)
    assert (changed.method, changed.of["words"].k1, changed.of["steps"]) == ("score", 2, steps)


def test_a_mean_can_leave_tasks_out() -> None:
    gold = {k: {"a": {"bm25": 10.0 * k}, "b": {"bm25": 20.0 * k}, "c": {"bm25": 60.0 * k}} for k in (1, 5)}
    found = as_json(Rankings("dev", gold, {}), ["c"])
    assert found["means"]["rank1"] == {"mean": {"bm25": 30}, "mean without c": {"bm25": 15}}
    assert found["rank5"]["c"] == {"bm25": 300}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--retrievers", "bm52"], "bm25"),
        (["--retrievers", "default.off"], "data.retrievers.default has no 'off'"),
        (["--retrievers", "a=bm25", "--set", "b.k1=2"], "--set b.k1=2: expected NAME.KEY=VALUE"),
        (["--retrievers", "a=bm25", "--set", "a.k2=2"], "data.retrievers.default.k2; did you mean 'k1'"),
        (["--without", "open_qu"], "--without: no task 'open_qu'; did you mean 'open_qa'"),
    ],
)
def test_unknown_names_are_named_with_the_nearest(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["rankings", str(runs["fid"]), *options, "--output", str(tmp_path / "out")]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_runs_of_other_tasks_are_refused(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = small_run(
        runs["fid"].parent / "data",
        tmp_path / "other",
        tasks={"mine": {"name": "open_qa", "data": "open_qa"}},
        trainer={"steps": 1, "questions": 2, "device": "cpu"},
        callbacks={"checkpoint": {"name": "checkpoint"}},
    )
    train(other)
    assert main(["rankings", str(runs["fid"]), str(other.run_dir), "--output", str(tmp_path / "out")]) == 1
    assert "other has the tasks mine; expected those of fid: open_qa" in capsys.readouterr().err
