"""Evaluating a trained run: memory is computed once, and the scores are those of memory computed for every question."""

import json
from pathlib import Path

import pytest
from small_runs import small_run, write_corpus

from glimmer.analysis.runs import evaluate_run, task_score
from glimmer.inference.run import load_run
from glimmer.training.run import train


def test_memory_computed_once_gives_the_scores_and_answers_of_memory_computed_online(tmp_path: Path) -> None:
    run = load_run(train(small_run(write_corpus(tmp_path / "data"), tmp_path / "run")))
    expected = run.evaluate("open_qa", "dev")
    assert evaluate_run(run, "dev") == {"open_qa": task_score(expected.summary())}
    lines = [json.loads(line) for line in (run.folder / "predictions" / "open_qa-dev.jsonl").read_text().splitlines()]
    for line, online in zip(lines, expected.predictions, strict=True):
        found = line["output"][0]["provenance"]
        assert (line["id"], line["output"][0]["answer"]) == (online.id, online.answer)
        assert [p["passage_id"] for p in found] == online.reranked_ids
        assert [p["meta"]["score"] for p in found] == pytest.approx([p.score for p in online.passages], abs=1e-5)
    assert not list(run.folder.glob("memory-*"))


def test_an_evaluation_of_the_same_weights_is_read_back(tmp_path: Path) -> None:
    run = load_run(train(small_run(write_corpus(tmp_path / "data"), tmp_path / "run")))
    first = evaluate_run(run, "dev")
    path = run.folder / "evaluation" / "open_qa-dev.json"
    saved = json.loads(path.read_text())
    path.write_text(json.dumps(saved | {"score": 0.123}))
    assert evaluate_run(run, "dev")["open_qa"].score == 12.3
    path.write_text(json.dumps(saved | {"weights": "others"}))
    assert evaluate_run(run, "dev") == first
