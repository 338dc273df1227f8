"""The weights that glimmer ships fit the systems that start from them."""

from pathlib import Path

import pytest
import torch
from small_runs import LANDS, write_corpus

import glimmer
from glimmer.cli.main import main
from glimmer.config.compose import compose_run
from glimmer.data.files import ASSETS, resolve_file
from glimmer.data.tokenizers import load_tokenizer
from glimmer.errors import CheckpointError, DataError, GlimmerError
from glimmer.models.build import build_reader
from glimmer.training.build import initialise


@pytest.mark.parametrize("experiment", ["fid", "lumen", "glimmer"])
def test_every_system_starts_from_the_shipped_weights(experiment: str) -> None:
    config = compose_run([f"experiment={experiment}"])
    assert config.trainer.initialise is not None
    reader = build_reader(config, load_tokenizer(config.tokenizer))
    before = [parameter.detach().clone() for parameter in reader.parameters()]
    initialise(reader, config.trainer.initialise)
    same = [torch.equal(old, new) for old, new in zip(before, reader.parameters(), strict=True)]
    assert not any(same)


def test_weights_that_do_not_fit_are_refused_with_a_way_out() -> None:
    config = compose_run(["experiment=fid", "encoder.width=64"])
    reader = build_reader(config, load_tokenizer(config.tokenizer))
    with pytest.raises(CheckpointError, match=r"does not fit this reader: misshapen: .*; null starts from nothing"):
        initialise(reader, "package:weights.safetensors")


def test_a_file_that_is_not_shipped_has_a_nearest_one() -> None:
    assert resolve_file("package:tokenizer.json") == ASSETS / "tokenizer.json"
    with pytest.raises(DataError, match=r"did you mean 'tokenizer\.json'"):
        resolve_file("package:tokeniser.json")


def test_the_shipped_reader_answers_from_passages_without_any_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(tmp_path / "data" / "factbook")
    for split in ("train", "dev"):
        records = (tmp_path / "data" / "factbook" / f"open_qa-{split}.jsonl").read_text()
        for task in ("slot_filling", "fact_verification", "multi_hop"):
            (tmp_path / "data" / "factbook" / f"{task}-{split}.jsonl").write_text(records)
    monkeypatch.chdir(tmp_path)
    run = glimmer.load("package:glimmer")
    lands = [chr(97 + number) for number in range(LANDS)]
    answers = [str(run.ask(f"What is the capital of Land{letter}?")).lower() for letter in lands]
    # Names that differ in a letter are hard; a reader that took any town would be right so often once in 500 trials.
    assert sum(answer == f"town{letter}" for answer, letter in zip(answers, lands, strict=True)) >= 5


def test_the_shipped_reader_answers_in_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "questions.txt").write_text("What is the capital of Ghana?\n")
    assert main(["predict", "package:glimmer", "questions.txt"]) == 0
    shown = capsys.readouterr()
    assert "building the corpus in data/factbook" in shown.err
    assert "Ghana" in shown.out


def test_an_evaluation_of_what_is_shipped_stays_out_of_the_trained_run_s_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_corpus(tmp_path / "data" / "factbook")
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "package:glimmer", "--tasks", "open_qa", "--limit", "2", "--passages", "10"]) == 0
    assert not Path("runs/glimmer").exists()
    assert Path("runs/shipped-glimmer/evaluation/open_qa-dev-limit2-passages10.json").exists()
    assert Path("runs/shipped-glimmer/predictions/open_qa-dev-limit2-passages10.jsonl").exists()


def test_an_unknown_system_has_a_nearest_one() -> None:
    with pytest.raises(GlimmerError, match="did you mean 'glimmer'"):
        glimmer.load("package:glimer")


def test_what_is_not_shipped_is_refused() -> None:
    with pytest.raises(CheckpointError, match="glimmer ships no weights for it"):
        glimmer.load("package:fido")
    with pytest.raises(CheckpointError, match="no checkpoint 'last'"):
        glimmer.load("package:glimmer", checkpoint="last")
