"""The weights that evaluation uses are the average's, shared parameters too; the reader gets its own back after."""

from pathlib import Path

import torch
from small_runs import small_run, write_corpus

from glimmer.training.build import build_trainer
from glimmer.training.callbacks.ema import EMA
from glimmer.training.distributed import Group
from glimmer.training.run import prepare_tokenizer


def test_evaluation_sees_the_average_of_every_parameter_and_training_gets_its_own_back(tmp_path: Path) -> None:
    config = small_run(write_corpus(tmp_path / "data"), tmp_path / "run")
    trainer = build_trainer(config, prepare_tokenizer(config, Group()))
    own = {name: value.clone() for name, value in trainer.reader.state_dict().items()}
    assert len(own) > len(dict(trainer.reader.named_parameters())), "the embedding is meant to be shared here"
    ema = trainer.callbacks["ema"]
    assert isinstance(ema, EMA)
    ema.load_state_dict({"average": {name: value + 1 for name, value in trainer.reader.named_parameters()}})
    with trainer.published_weights():
        assert all(torch.equal(value, own[name] + 1) for name, value in trainer.reader.state_dict().items())
    assert all(torch.equal(value, own[name]) for name, value in trainer.reader.state_dict().items())
