"""Evaluating a trained run: memory is computed once, and a result taken again only where all that made it is equal."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copytree, rmtree
from types import SimpleNamespace
from typing import Any

import pytest
from small_runs import small_run, write_corpus

from glimmer.analysis import runs
from glimmer.analysis.runs import evaluate_run, task_score, training_curves
from glimmer.data.files import read_json_lines, write_json_lines
from glimmer.data.passages import read_passages
from glimmer.data.values import Candidate, Example, Passage
from glimmer.errors import ConfigError
from glimmer.inference.encode import encode_passages
from glimmer.inference.run import LoadedRun, load_run
from glimmer.memory import CODECS
from glimmer.training.run import train


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place, copy = tmp_path_factory.mktemp("place"), tmp_path_factory.mktemp("copy")
    train(small_run(write_corpus(place / "data"), place / "run"))
    copytree(place, copy, dirs_exist_ok=True)
    return place, copy


@pytest.fixture
def folder(trained: tuple[Path, Path]) -> Path:
    """A run's folder, and its data beside it, as they were after training."""
    place, copy = trained
    rmtree(place)
    copytree(copy, place)
    return place / "run"


def test_memory_computed_once_gives_the_scores_and_answers_of_memory_computed_online(folder: Path) -> None:
    run = load_run(folder)
    expected = run.evaluate("open_qa", "dev")
    found = evaluate_run(run, "dev")
    assert {task: task_score(summary) for task, summary in found.items()} == {"open_qa": task_score(expected.summary())}
    lines = [json.loads(line) for line in (run.folder / "predictions" / "open_qa-dev.jsonl").read_text().splitlines()]
    for line, online in zip(lines, expected.predictions, strict=True):
        found = line["output"][0]["provenance"]
        assert (line["id"], line["output"][0]["answer"]) == (online.id, online.answer)
        assert [p["passage_id"] for p in found] == online.reranked_ids
        assert [p["meta"]["score"] for p in found] == pytest.approx([p.score for p in online.passages], abs=1e-5)
    assert not list(run.folder.glob("memory-*"))


def mark(folder: Path) -> None:
    """Change the score that an evaluation left, so that reading it back shows."""
    path = folder / "evaluation" / "open_qa-dev.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"score": 0.123}))


def score(run: LoadedRun, **options: Any) -> float:
    return float(evaluate_run(run, "dev", **options)["open_qa"]["score"])


def test_an_evaluation_is_read_back_unless_it_is_to_be_made_anew(folder: Path) -> None:
    first = score(load_run(folder))
    mark(folder)
    assert score(load_run(folder)) == 0.123
    assert score(load_run(folder), anew=True) == first
    assert score(load_run(folder)) == first


def other_weights(run: Path, data: Path) -> None:
    (run / "checkpoints" / "best.pt").write_bytes((run / "checkpoints" / "last.pt").read_bytes())


def other_answers(run: Path, data: Path) -> None:
    path = data / "open_qa-dev.jsonl"
    lines = [line for _, line in read_json_lines(path, "a record")]
    lines[0]["output"][0]["answer"] = "Elsewhere"
    write_json_lines(path, lines)


def other_texts(run: Path, data: Path) -> None:
    path = data / "passages.jsonl"
    write_json_lines(path, [line | {"text": line["text"] + " It is cold."} for _, line in read_json_lines(path, "p")])


def other_candidates(run: Path, data: Path) -> None:
    """What another retriever would find: the same passages for every question."""
    (path,) = (data / "candidates").glob("open_qa-dev-*.jsonl")
    lines = [line for _, line in read_json_lines(path, "candidates")]
    write_json_lines(path, [line | {"candidates": lines[0]["candidates"]} for line in lines])


@pytest.mark.parametrize("change", [other_weights, other_answers, other_texts, other_candidates])
def test_what_was_made_of_other_weights_or_data_is_not_read_back(
    folder: Path, change: Callable[[Path, Path], None]
) -> None:
    score(load_run(folder))
    mark(folder)
    change(folder, folder.parent / "data")
    assert score(load_run(folder)) != 0.123


def fewer_passages(run: LoadedRun) -> LoadedRun:
    return replace(run, passages=2)


def more_kept(run: LoadedRun) -> LoadedRun:
    return replace(run, config=replace(run.config, selector=replace(run.config.selector, kept=2)))  # type: ignore[call-arg]


def beams(run: LoadedRun) -> LoadedRun:
    return replace(run, config=replace(run.config, generation=replace(run.config.generation, beams=2)))


@pytest.mark.parametrize("change", [fewer_passages, more_kept, beams])
def test_what_was_made_under_other_options_is_not_read_back(
    folder: Path, change: Callable[[LoadedRun], LoadedRun]
) -> None:
    run = load_run(folder)
    score(run)
    mark(folder)
    assert score(change(run)) != 0.123
    assert score(run) != 0.123, "the other evaluation took its place"


def test_what_was_read_from_another_store_is_not_read_back(folder: Path, tmp_path: Path) -> None:
    run, store = load_run(folder), tmp_path / "store"
    passages = read_passages(folder.parent / "data" / "passages.jsonl").passages
    for dtype in ("float32", "bfloat16"):
        encode_passages(run, passages, store, CODECS.configure("raw", dtype=dtype))
        score(load_run(folder, memory=store))
        (path,) = (folder / "evaluation").glob("open_qa-dev-memory-store-*.json")
        assert json.loads(path.read_text())["score"] != 0.123
        path.write_text(json.dumps(json.loads(path.read_text()) | {"score": 0.123}))
        assert score(load_run(folder, memory=store)) == 0.123
        store.rename(tmp_path / f"store-{dtype}")


def test_only_the_tasks_named_are_evaluated_and_only_known_ones(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no task 'open_q'; did you mean 'open_qa'"):
        evaluate_run(load_run(folder), "dev", tasks=["open_qa", "open_q"])
    assert not (folder / "evaluation").exists()


def test_a_run_without_a_log_has_no_curves(folder: Path) -> None:
    run = load_run(folder)
    assert training_curves([run])
    (folder / "metrics.jsonl").unlink()
    assert training_curves([run]) == {}


def test_a_candidate_that_is_listed_twice_takes_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (Candidate(Passage(name, name, name), 1.0, False) for name in "abc")
    example = Example("q", "open_qa", "q?", "a", ("a",), (first, first, second, third))
    monkeypatch.setattr(runs, "evaluation_examples", lambda *_: [example])
    run = SimpleNamespace(retrieved=2, task=lambda key: None)
    assert [p.id for p in runs.candidates_of(run, ["open_qa"], "dev", None)] == ["a", "b"]  # type: ignore[arg-type]


def test_an_evaluation_names_the_retriever_of_its_candidates(folder: Path) -> None:
    made_by = evaluate_run(load_run(folder), "dev")["open_qa"]["made_by"]
    assert made_by["retriever"]["name"] == "bm25"
    assert made_by["retriever"]["k1"] == 1.5
