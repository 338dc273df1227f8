"""A trained run is loaded, asked and evaluated, from Python and from the command line."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_runs import small_run, write_corpus

import glimmer
from glimmer.analysis.runs import evaluate_run
from glimmer.cli.main import main
from glimmer.cli.predict import read_questions
from glimmer.data.kilt import read_records
from glimmer.errors import CheckpointError, ConfigError, DataError, GlimmerError
from glimmer.inference.run import find_checkpoint, load_run
from glimmer.retrieval import RETRIEVERS
from glimmer.tasks import TASKS
from glimmer.tasks.supervised import SupervisedTask
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
    for kept, passages, message in (
        (0, None, "kept"),
        (4, None, "more than the 3"),
        (6, 5, "more than the 5"),
    ):
        with pytest.raises(ConfigError, match=message):
            load_run(run, kept=kept, passages=passages)


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
    assert "3 passages, 1 kept" in printed
    figures = json.loads((run / "evaluation" / "open_qa-dev.json").read_text())
    assert figures["questions"] == 4
    assert (figures["made_by"]["retrieved"], figures["made_by"]["kept"]) == (3, 1)
    gold = figures["gold_passages"]
    assert figures["metrics"]["gold_recall_read"] == gold["read"] / gold["passages"]
    lines = [json.loads(line) for line in (run / "predictions" / "open_qa-dev.jsonl").read_text().splitlines()]
    records = read_records(Path(load_run(run).config.data.dir) / "open_qa-dev.jsonl")
    assert [line["id"] for line in lines] == [record.id for record in records]


def name_of(capsys: pytest.CaptureFixture[str], run: Path, *arguments: str) -> str:
    """The name of the files that an evaluation writes; what it prints is what they hold."""
    for path in run.glob("evaluation/*"):
        path.unlink()
    assert main(["evaluate", *arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    (path,) = run.glob("evaluation/*")
    assert report["tasks"] == {"open_qa": json.loads(path.read_text())}
    assert report["average"] == report["tasks"]["open_qa"]["score"]
    assert (run / "predictions" / f"{path.stem}.jsonl").exists()
    return path.stem


def test_another_evaluation_has_files_of_its_own(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, checkpoints = str(run), run / "checkpoints"
    other = write_corpus(tmp_path / "other")
    (checkpoints / "step-6.pt").write_bytes((checkpoints / "last.pt").read_bytes())
    names = [
        name_of(capsys, run, own, "--passages", "2", "--kept", "2", "--limit", "3", "--checkpoint", "last"),
        name_of(capsys, run, str(checkpoints / "step-6.pt")),
        name_of(capsys, run, own, "--data", str(other)),
        name_of(capsys, run, own, "--data", str(write_corpus(tmp_path / "elsewhere" / "other"))),
    ]
    (checkpoints / "step-6.pt").unlink()
    expected = [
        "open_qa-dev-limit3-last-passages2-kept2",
        "open_qa-dev-step-6",
        "open_qa-dev-data-other-....",
        "open_qa-dev-data-other-....",
    ]
    assert all(re.fullmatch(pattern, name) for pattern, name in zip(expected, names, strict=True))
    assert names[2] != names[3]


def test_the_same_evaluation_in_other_words_has_the_same_files(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    best = run / "checkpoints" / "best.pt"
    data = load_run(run).config.data.dir
    for arguments in (
        [str(best)],
        [str(run), "--checkpoint", "best"],
        [str(run), "--checkpoint", str(best)],
        [str(run), "--passages", "3", "--kept", "1"],
        [str(run), "--data", f"{data}/../{Path(data).name}"],
        [str(run), "--tasks", "open_qa"],
    ):
        assert name_of(capsys, run, *arguments) == "open_qa-dev"


@pytest.mark.parametrize("options", [{"passages": 5, "kept": 4}, {"kept": 3}])
def test_a_reader_that_keeps_more_than_in_training_is_evaluated_too(run: Path, options: dict[str, int]) -> None:
    (found,) = evaluate_run(load_run(run, **options), "dev", limit=1).values()  # type: ignore[arg-type]
    assert found["made_by"]["kept"] == options["kept"]


def test_options_that_weights_do_not_depend_on_can_be_changed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = load_run(run, overrides=["generation={max_tokens: 2, beams: 3, length_penalty: 0.5}"])
    assert (changed.config.generation.max_tokens, changed.config.generation.beams) == (2, 3)
    retrieved = load_run(run, overrides=["data.retrievers.default={name: two_step, k1: 0.9}"])
    assert retrieved.config.data.retrievers["default"] == RETRIEVERS.configure("two_step", k1=0.9)
    shortest = load_run(run, overrides=["generation.max_tokens=1"]).evaluate("open_qa", "dev", limit=2)
    assert all(len(prediction.answer.split()) <= 1 for prediction in shortest.predictions)
    arguments = ["evaluate", str(run), "--limit", "1", "--set", "generation.beams=2", "--set", "collator.passages=3"]
    assert main(arguments) == 0
    assert "3 passages" in capsys.readouterr().out
    name = "open_qa-dev-limit1-generation.beams=2-collator.passages=3"
    assert (run / "evaluation" / f"{name}.json").exists()
    assert (run / "predictions" / f"{name}.jsonl").exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("generation.beems=2", r"unknown key generation\.beems; did you mean 'beams'"),
        ("generation.beams=0", r"generation\.beams must be at least 1, found 0"),
        ("generation.beams=two", r"generation\.beams: Value 'two'"),
        ("generation.beams", "expected KEY=VALUE"),
        ("encoder.layers=3", r"encoder\.layers cannot be changed in a trained run; change an option of collator, data"),
        ("tasks.open_q.limit=3", r"unknown key tasks\.open_q; in tasks: did you mean 'open_qa'"),
        ("data.retrievers.default.name=bm26", "unknown retriever 'bm26'; did you mean 'bm25'"),
        ("data.dir.x=1", r"unknown key data\.dir\.x: data\.dir holds no options"),
    ],
)
def test_an_override_of_a_trained_run_that_cannot_work(run: Path, override: str, message: str) -> None:
    with pytest.raises(GlimmerError, match=message):
        load_run(run, overrides=[override])


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
    monkeypatch.setattr(sys, "stdin", standard_input(f"{QUESTION}\n".encode()))
    assert main(["predict", str(run)]) == 0
    printed = capsys.readouterr().out
    assert QUESTION in printed
    assert answer.passages[0].passage.title in printed


def standard_input(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": no question"),
        (b"one?\n{broken\n", ":2: not JSON"),
        (b'{"id": "1", "imput": "q"}\n', ":1: expected 'input': text, found None; did you mean 'imput'"),
        (b"one?\ntwo?\n\ncaf\xe9?\nfive?\n", ":4: not UTF-8 text: invalid continuation byte at byte 3 of the line"),
        (b'{"id": "a", "input": "q"}\n\n{"id": "a", "input": "r"}\n', ":3: duplicate id 'a', first used in line 1"),
        (b'{"id": 2, "input": "q"}\nplain?\n', ":2: duplicate id '2', first used in line 1"),
        (b'{"id": null, "input": "q"}\n', ":1: 'id' must be non-empty text, found None"),
        (b'{"id": [7], "input": "q"}\n', ":1: 'id' must be non-empty text, found [7]"),
        (b'{"id": "", "input": "q"}\n', ":1: 'id' must be non-empty text, found ''"),
    ],
)
def test_broken_questions_name_their_line(
    run: Path, tmp_path: Path, content: bytes, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_bytes(content)
    assert main(["predict", str(run), str(file)]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(f"glimmer: error: {file}{message}")
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_a_missing_file_of_questions_is_one_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(run), "nowhere.txt"]) == 1
    assert capsys.readouterr().err == "glimmer: error: nowhere.txt: no such file\n"


def test_a_byte_order_mark_is_no_part_of_the_first_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "marked.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps({"id": "x7", "input": QUESTION}).encode())
    assert main(["predict", str(run), str(file), "--json"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["id"], line["input"]) == ("x7", QUESTION)


def test_a_file_is_answered_only_if_its_last_line_is_sound_standard_input_as_it_comes(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = f"{QUESTION}\n".encode() * 20 + b"{broken\n"
    file = tmp_path / "questions.txt"
    file.write_bytes(content)
    assert main(["predict", str(run), str(file), "--json"]) == 1
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(sys, "stdin", standard_input(content))
    assert main(["predict", str(run), "--json"]) == 1
    printed = capsys.readouterr()
    assert [json.loads(line)["id"] for line in printed.out.splitlines()] == [str(n) for n in range(1, 21)]
    assert printed.err.startswith("glimmer: error: standard input:21: not JSON")


def test_a_question_that_has_not_the_task_s_form_names_its_line(run: Path, tmp_path: Path) -> None:
    slots = TASKS.build(TASKS.configure("slot_filling"), "slots", load_run(run).corpus)
    assert isinstance(slots, SupervisedTask)
    with pytest.raises(DataError, match=r"^q\.txt:2: task slots: expected 'subject \[SEP\] relation' as input"):
        list(read_questions([(1, "Chad [SEP] capital"), (2, "Chad")], "q.txt", slots))


def test_another_folder_of_data_must_hold_passages(run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"passages\.jsonl"):
        glimmer.load(run, data=tmp_path).ask(QUESTION)


def test_importing_the_package_loads_no_torch() -> None:
    code = "import sys, glimmer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
