"""A model and an encoder from outside, which are split nowhere, train like the built-in ones."""

import re
from pathlib import Path

import pytest
from small_runs import write_corpus

import glimmer.plugins
from glimmer.cli.validate import validate
from glimmer.config.compose import compose_run
from glimmer.errors import ConfigError
from glimmer.inference.run import load_run
from glimmer.training.run import train

PARTS = '''
from dataclasses import dataclass

import torch
from torch import nn

from glimmer.data.values import States
from glimmer.models.base import Model, register_model
from glimmer.models.encoders import Encoder, register_encoder
from glimmer.models.generation import Generation, search
from glimmer.models.values import Pairs, Ranking, ReaderOutput
from glimmer.registry import ComponentConfig
from glimmer.options import option


@dataclass(kw_only=True)
class WordsConfig(ComponentConfig):
    width: int = option(16, "Width of a word's vector")


@register_encoder("words", WordsConfig)
class Words(Encoder):
    """Words without their context."""

    layers = memory_layers = 0

    def __init__(self, config, vocabulary, live_layers):
        super().__init__(config)
        assert live_layers is None, "the model splits nothing"
        self.width, self.vocabulary = config.width, vocabulary
        self.embedding = nn.Embedding(vocabulary, config.width)

    def embed(self, tokens):
        return States(self.embedding(tokens.ids), tokens.mask)

    def run(self, states, start, stop, question_lengths):
        return states

    def finish(self, states):
        return states

    def memory_modules(self):
        return [self.embedding]


@register_model("closed_book")
class ClosedBook(Model):
    """Answers from the question alone."""

    def __init__(self, config, encoder, decoder, eos_id, **unused):
        super().__init__()
        self.encoder, self.decoder, self.eos_id = encoder, decoder, eos_id

    def forward(self, batch, every_passage=False):
        states = self.encoder.embed(batch.questions)
        none = torch.zeros(0, dtype=torch.long)
        ranking = Ranking(batch.retrieval_scores, torch.full((len(batch), 1), -1))
        pairs = Pairs(states.rows(none), none, none, none)
        return ReaderOutput(self.decoder(batch.targets.ids, states, batch.targets.mask), ranking, pairs, False)

    def passage_log_likelihood(self, output, batch, pairs=None):
        raise NotImplementedError

    def generate(self, batch, config):
        tokens, scores = search(self.decoder, self.encoder.embed(batch.questions), config, self.eos_id)
        return Generation(tokens, scores, Ranking(batch.retrieval_scores, torch.full((len(batch), 1), -1)))
'''


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The plug-in, and the configuration of a small run."""
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "closed_book.py").write_text(re.sub("words|closed_book", rf"\g<0>_{tmp_path.name}", PARTS))
    monkeypatch.setattr(glimmer.plugins, "_config_folders", {})
    return [
        f"user_dir={folder}",
        f"data.dir={write_corpus(tmp_path / 'data')}",
        f"run_dir={tmp_path / 'run'}",
        "task=[open_qa]",
        "tokenizer.vocabulary=300",
        "trainer.steps=2",
        "trainer.questions=2",
        "trainer.device=cpu",
        f"model=closed_book_{tmp_path.name}",
    ]


@pytest.mark.parametrize("encoder", ["t5_tiny", "words"])
def test_a_model_that_splits_no_encoder_trains_and_is_evaluated(encoder: str, parts: list[str], tmp_path: Path) -> None:
    chosen = f"{encoder}_{tmp_path.name}" if encoder == "words" else encoder
    config = compose_run([*parts, f"encoder={chosen}", "encoder.width=16"])
    assert f"encoder    {config.encoder.name}\n" in validate(config)
    run = load_run(train(config))
    assert run.step == 2
    assert len(run.evaluate("open_qa", "dev").predictions) == 4


def test_a_reader_must_be_told_how_to_split_an_encoder_without_layers(parts: list[str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"encoder\.layers.*model\.live_layers"):
        compose_run([*parts, "model=reader", f"encoder=words_{tmp_path.name}"])
    compose_run([*parts, "model=reader", f"encoder=words_{tmp_path.name}", "model.live_layers=0"])
