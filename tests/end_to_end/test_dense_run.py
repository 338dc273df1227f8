"""A run retrieves by vectors: trained, kept, asked, and checked before it."""

from dataclasses import replace
from pathlib import Path

import pytest
from small_runs import small_run, write_corpus
from text_encoder_folders import gtr_folder

import glimmer
from glimmer.cli.validate import validate
from glimmer.config.load import load_options
from glimmer.config.schema import RunConfig
from glimmer.data.collection import Corpus, DataConfig
from glimmer.dense import Dense
from glimmer.errors import CheckpointError
from glimmer.training.run import train


def run_of(folder: Path, weights: Path) -> RunConfig:
    data = folder / "data"
    of = {"words": {"name": "bm25"}, "vectors": {"name": "dense", "weights": str(weights)}}
    retriever = {"name": "fusion", "method": "score", "of": of}
    config = small_run(
        data,
        folder / "run",
        trainer={"steps": 2, "questions": 2, "device": "cpu", "processes": 1, "stages": [{"passages": 3}]},
        callbacks={"checkpoint": {"name": "checkpoint", "every": 2, "minutes": None}},
    )
    options = {"dir": str(data), "retrieved": 3, "retrievers": {"default": retriever}}
    return replace(config, data=load_options(DataConfig, options, "data"))


def test_a_run_trains_and_answers_on_what_vectors_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_corpus(tmp_path / "data")
    config = run_of(tmp_path, gtr_folder(tmp_path / "gtr"))
    validate(config)
    assert not (tmp_path / "data" / "index").exists(), "checking retrieves nothing"
    train(config)
    folders = {path.name.partition("-")[0] for path in (tmp_path / "data" / "index").iterdir()}
    assert folders == {"bm25", "dense"}
    answer = glimmer.load(tmp_path / "run").ask("What is the capital of Landc?")
    assert 1 <= answer.passages[0].retrieved_rank <= 3
    found = Corpus(config.data).candidates("open_qa", "train")
    assert all(len(row) == 3 for row in found)
    monkeypatch.setattr(Dense, "retrieve", None)  # what was found once is read
    assert list(Corpus(config.data).candidates("open_qa", "train")) == list(found)


def test_weights_that_are_missing_are_told_before_the_run(tmp_path: Path) -> None:
    write_corpus(tmp_path / "data")
    with pytest.raises(CheckpointError, match=r"^.*gtr: no such folder; expected as weights of a dense"):
        validate(run_of(tmp_path, tmp_path / "gtr"))
