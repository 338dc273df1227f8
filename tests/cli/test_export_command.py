"""``glimmer export``: what it writes starts another run at the same weights."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_runs import small_run, write_corpus

from glimmer.cli.main import main
from glimmer.inference.run import load_run
from glimmer.training.build import build_trainer
from glimmer.training.distributed import Group
from glimmer.training.run import prepare_tokenizer, train


def test_exported_weights_start_another_run_where_this_one_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = small_run(write_corpus(tmp_path / "data"), tmp_path / "run")
    run = load_run(train(config))
    capsys.readouterr()
    assert main(["export", str(tmp_path / "run"), "--output", str(tmp_path / "out")]) == 0
    weights = tmp_path / "out" / "weights.safetensors"
    assert capsys.readouterr().out.startswith(f"written: {weights}, ")
    following = replace(
        config,
        trainer=replace(config.trainer, initialise=str(weights)),
        tokenizer=replace(config.tokenizer, file=str(tmp_path / "out" / "tokenizer.json")),
    )
    started = build_trainer(following, prepare_tokenizer(following, Group()))
    for own, theirs in zip(started.reader.parameters(), run.reader.parameters(), strict=True):
        assert torch.equal(own, theirs)
