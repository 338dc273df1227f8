"""A trained run is loaded, asked and evaluated, from Python and from the command line."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_runs import small_run, write_corpus

import glimmer
from glimmer.cli.main import main
from glimmer.data.kilt import read_records
from glimmer.errors import CheckpointError, ConfigError, DataError
from glimmer.inference.run import find_checkpoint, load_run
from glimmer.training.checkpoint import load_checkpoint
from glimmer.training.run import train

QUESTION = "What is the capital of Landb?"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loaded")
    return train(small_run(write_corpus(folder / "data"), folder / "runs" / "small"))


def test_three_lines_of_python_answer_a_question(run: Path) -> None:
    answer = glimmer.load(run).ask(QUESTION)
    assert str(answer) == answer.text
    assert answer.task == "open_qa"
    assert len(answer.passages) == 1, "the selector keeps one"
    assert len(answer.candidates) == 3
    assert answer.passages[0] == answer.candidates[0]
    assert [p.rank for p in answer.candidates] == [1, 2, 3]
    assert sorted(p.retrieved_rank for p in answer.candidates) == [1, 2, 3]
    best = min(answer.candidates, key=lambda p: p.retrieved_rank)
    assert best.passage.title == "Landb"


def test_several_questions_are_answered_as_each_alone(run: Path) -> None:
    predictor = glimmer.load(run)
    questions = [f"What is the capital of Land{letter}?" for letter in "abc"]
    together = predictor.ask(questions)
    alone = [predictor.ask(question) for question in questions]
    assert [a.question for a in together] == questions
    for one, other in zip(together, alone, strict=True):
        assert one.text == other.text
        assert [p.id for p in one.candidates] == [p.id for p in other.candidates]
        assert one.score == pytest.approx(other.score, abs=1e-5)


def test_asking_is_evaluating_without_the_file(run: Path) -> None:
    loaded = load_run(run)
    predictions = loaded.evaluate("open_qa", "dev").predictions
    answers = glimmer.load(run).ask([p.question for p in predictions])
    assert [a.text for a in answers] == [p.answer for p in predictions]


@pytest.mark.parametrize("checkpoint", ["best", "last"])
def test_evaluation_after_training_repeats_the_run_s_own(run: Path, checkpoint: str) -> None:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    step = load_checkpoint(run / "checkpoints" / f"{checkpoint}.pt")["step"]
    logged = next(
        line for line in lines if (line["kind"], line["task"], line["step"]) == ("evaluation", "open_qa", step)
    )
    metrics = load_run(run, checkpoint=checkpoint).evaluate("open_qa", "dev", limit=2).metrics
    assert {key: logged[key] for key in metrics} == pytest.approx(metrics)


def test_the_last_checkpoint_is_read_with_the_average_that_the_run_kept(run: Path) -> None:
    state = load_checkpoint(run / "checkpoints" / "last.pt")
    average = state["callbacks"]["ema"]["average"]
    reader = load_run(run, checkpoint="last").reader
    assert all(torch.equal(value, average[name]) for name, value in reader.named_parameters())
    assert not torch.equal(state["model"]["encoder.embedding.weight"], average["encoder.embedding.weight"])


def test_numbers_of_passages_can_be_changed(run: Path) -> None:
    answer = glimmer.load(run, passages=5, kept=4).ask(QUESTION)
    assert len(answer.candidates) == 5
    assert [p.rank for p in answer.passages] == [1, 2, 3, 4]
    assert len(glimmer.load(run, passages=2).ask(QUESTION).candidates) == 2
    with pytest.raises(ConfigError, match="at least 1, found 0"):
        load_run(run, passages=0)
    with pytest.raises(ConfigError, match="kept"):
        load_run(run, kept=0)


def test_a_checkpoint_file_is_a_run_too(run: Path) -> None:
    path = run / "checkpoints" / "best.pt"
    assert load_run(path).checkpoint == path
    assert load_run(run).checkpoint == path
    assert load_run(run, checkpoint=str(path)).folder == run


def test_a_run_or_checkpoint_that_is_not_there_suggests_one_that_is(run: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"smal: no such run.*did you mean 'small'"):
        find_checkpoint(run.parent / "smal")
    with pytest.raises(CheckpointError, match="has no checkpoint best or last; there are none"):
        find_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"no such checkpoint"):
        load_run(run, checkpoint=str(run / "checkpoints" / "step-1.pt"))
    with pytest.raises(ConfigError, match=r"has no task 'open_q'.*did you mean 'open_qa'"):
        load_run(run).task("open_q")
    with pytest.raises(ConfigError, match="no task 'copying' that takes questions"):
        glimmer.load(run).ask(QUESTION, task="copying")


def test_evaluate_writes_predictions_and_figures_and_prints_a_table(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(run)]) == 0
    printed = capsys.readouterr().out
    assert "open_qa" in printed
    assert "exact_match" in printed
    report = json.loads((run / "evaluation" / "dev.json").read_text())
    assert report["tasks"]["open_qa"]["questions"] == 4
    assert report["average"] == report["tasks"]["open_qa"]["score"]
    assert (report["retrieved"], report["kept"]) == (3, 1)
    lines = [json.loads(line) for line in (run / "predictions" / "open_qa-dev.jsonl").read_text().splitlines()]
    records = read_records(Path(load_run(run).config.data.dir) / "open_qa-dev.jsonl")
    assert [line["id"] for line in lines] == [record.id for record in records]


def test_another_evaluation_has_files_of_its_own(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--passages", "2", "--kept", "2", "--limit", "3", "--checkpoint", "last", "--json"]
    assert main(["evaluate", str(run), *arguments]) == 0
    name = "dev-passages2-kept2-limit3-last"
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((run / "evaluation" / f"{name}.json").read_text())
    assert report["tasks"]["open_qa"]["questions"] == 3
    assert (run / "predictions" / f"open_qa-{name}.jsonl").exists()


def test_predict_reads_plain_and_kilt_lines(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "questions.txt"
    file.write_text(f'{QUESTION}\n\n{{"id": "x7", "input": "What is the capital of Landc?"}}\n')
    assert main(["predict", str(run), str(file), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["id"], line["input"]) for line in lines] == [
        ("1", QUESTION),
        ("x7", "What is the capital of Landc?"),
    ]
    answer = glimmer.load(run).ask(QUESTION)
    assert lines[0]["output"][0]["answer"] == answer.text
    assert [p["passage_id"] for p in lines[0]["output"][0]["provenance"]] == [p.id for p in answer.candidates]
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{QUESTION}\n"))
    assert main(["predict", str(run)]) == 0
    printed = capsys.readouterr().out
    assert QUESTION in printed
    assert answer.passages[0].passage.title in printed


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no question"),
        (b"one?\n{broken\n", ":2: not JSON"),
        (b'{"id": "1", "imput": "q"}\n', ":1: expected 'input': text, found None; did you mean 'imput'"),
        (b"caf\xe9?\n", "not UTF-8"),
    ],
)
def test_broken_questions_name_their_line(
    run: Path, tmp_path: Path, content: bytes, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_bytes(content)
    assert main(["predict", str(run), str(file)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(file) in error
    assert message in error


def test_a_missing_file_of_questions_is_one_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(run), "nowhere.txt"]) == 1
    assert "nowhere.txt: cannot be read" in capsys.readouterr().err


def test_another_folder_of_data_must_hold_passages(run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"passages\.jsonl"):
        glimmer.load(run, data=tmp_path).ask(QUESTION)


def test_importing_the_package_loads_no_torch() -> None:
    code = "import sys, glimmer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
