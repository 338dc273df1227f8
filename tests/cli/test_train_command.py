"""``glimmer train`` and ``glimmer validate``: Hydra's command line over a small run."""

import json
import sys
from pathlib import Path

import pytest
from small_runs import STACK, write_corpus

from glimmer.cli.main import main

STACK_OPTIONS = [f"{part}.{key}={value}" for part in ("encoder", "decoder") for key, value in STACK.items()]
SMALL = [
    "experiment=glimmer",
    "task=[open_qa]",
    "callback=[metrics_jsonl]",
    "data.dir=corpus",
    "data.retrieved=3",
    "tokenizer.vocabulary=300",
    *STACK_OPTIONS,
    "encoder.width=16",
    "model.live_layers=1",
    "selector.kept=1",
    "trainer.steps=2",
    "trainer.questions=2",
    "trainer.device=cpu",
    "trainer.processes=1",
    "trainer.initialise=null",
    "tokenizer.file=null",
    "run_dir=run",
]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of its own; Hydra reads ``sys.argv``."""
    write_corpus(tmp_path / "corpus")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", sys.argv)


def test_a_run_is_trained_into_its_folder_and_nowhere_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *SMALL]) == 0
    assert capsys.readouterr().out == "trained: run\n"
    assert {path.name for path in tmp_path.iterdir()} == {"corpus", "run"}
    assert (tmp_path / "run" / "config.yaml").exists()


def test_a_sweep_trains_every_combination_and_reports_those_that_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = [item for item in SMALL if not item.startswith("selector.kept")]
    assert main(["train", "--multirun", *keys, "selector.kept=9,1,2"]) == 1
    error = capsys.readouterr().err
    assert "glimmer: error: run-sweep/selector.kept=9: selector.kept = 9 is more than data.retrieved = 3" in error
    assert "Traceback" not in error
    for kept in (1, 2):
        lines = (tmp_path / "run-sweep" / f"selector.kept={kept}" / "metrics.jsonl").read_text().splitlines()
        assert json.loads(lines[-1])["step"] == 2


def test_the_composed_configuration_can_be_printed_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *SMALL, "--cfg", "job"]) == 0
    printed = capsys.readouterr().out
    assert "run_dir: run\n" in printed
    assert "hydra:" not in printed
    assert not (tmp_path / "run").exists()


def test_help_names_the_groups_and_their_choices(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["train", "--help"])
    printed = capsys.readouterr().out
    assert "  reranker: first_token, max_pool, max_sim, mean_pool, none\n" in printed
    assert "schema" not in printed


@pytest.mark.parametrize("command", ["train", "validate"])
def test_a_mistake_is_one_line_and_leaves_nothing(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for change, message in (
        ("selector.kep=1", "unknown key 'selector.kep'; did you mean 'selector.kept'?"),
        ("selector.kept=4", "selector.kept = 4 is more than data.retrieved = 3"),
        ("task=[slot_filling]", "corpus/slot_filling-train.jsonl: no such file"),
        ("user_dir=nowhere", "user_dir=nowhere: no such folder"),
    ):
        assert main([command, *SMALL, change]) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"glimmer: error: {message}")
        assert error.count("\n") == 1
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_validate_says_what_would_be_trained_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert main(["validate", *SMALL, "callback=[evaluation]"]) == 0
    printed = capsys.readouterr().out
    assert "t5: 2 layers = 1 memory + 1 live, of which 1 before the score" in printed
    assert "passages   3 a question; reranker max_pool, selector top_m keeps 1" in printed
    assert "open_qa  8 train, 4 dev" in printed
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_validate_reads_the_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "corpus" / "open_qa-train.jsonl"
    file.write_text(file.read_text() + '{"id": "broken"}\n')
    assert main(["validate", *SMALL]) == 1
    assert "corpus/open_qa-train.jsonl:9: " in capsys.readouterr().err


def test_validate_looks_for_candidate_files_and_weights(capsys: pytest.CaptureFixture[str]) -> None:
    found = ["retriever@data.retrievers.default=precomputed", "data.retrievers.default.path=found.jsonl"]
    for changes, message in ((found, "found.jsonl"), (["trainer.initialise=start.pt"], "trainer.initialise=start.pt")):
        assert main(["validate", *SMALL, *changes]) == 1
        assert message in capsys.readouterr().err
