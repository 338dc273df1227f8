"""From a T5's folder to a trained run, and from the run to a folder that transformers and another run start from."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_runs import small_run, write_corpus
from t5_folders import random_t5, save
from transformers import T5ForConditionalGeneration

from glimmer.cli.main import main
from glimmer.config.schema import RunConfig
from glimmer.data.tokenizers import TOKENIZERS, train_tokenizer
from glimmer.errors import CheckpointError
from glimmer.inference.run import load_run
from glimmer.training.build import build_initial_reader
from glimmer.training.distributed import Group
from glimmer.training.run import prepare_tokenizer, train

ROWS = 330
"""Of the embedding: a few more than the tokenizer has ids, as T5's has."""
SIZES = {"heads": 4, "head_width": 8, "feed_forward": 48, "dropout": 0.0}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    """A GLIMMER that starts from the folder of a T5."""
    folder = tmp_path_factory.mktemp("work")
    save(random_t5("1.1", vocab_size=ROWS), folder / "t5")
    texts = ["The capital of Landa is Towna. The river is long."] * 9
    train_tokenizer(TOKENIZERS.configure("bpe", vocabulary=300), texts).save(folder / "t5" / "tokenizer.json")
    run = small_run(
        write_corpus(folder / "data"),
        folder / "run",
        tokenizer={"name": "huggingface", "file": str(folder / "t5"), "vocabulary": ROWS},
        encoder={"name": "t5", "width": 32, "layers": 4, **SIZES},
        decoder={"name": "t5", "layers": 2, **SIZES},
        model={"name": "reader", "live_layers": 2, "rerank_layers": 1},
        tasks={"open_qa": {"name": "open_qa"}},
    )
    trainer = replace(run.trainer, steps=2, initialise=str(folder / "t5"))
    return replace(run, trainer=trainer, callbacks={"checkpoint": run.callbacks["checkpoint"]})


def test_a_run_from_a_t5_trains_is_exported_and_starts_another(
    config: RunConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tokenizer = prepare_tokenizer(config, Group())
    start = T5ForConditionalGeneration.from_pretrained(str(config.trainer.initialise))
    initial = build_initial_reader(config, tokenizer)
    assert torch.equal(initial.get_parameter("encoder.embedding.weight"), start.shared.weight)
    run = load_run(train(config))
    assert run.step == 2
    assert run.tokenizer.vocabulary == ROWS
    assert not torch.equal(run.reader.get_parameter("encoder.embedding.weight"), start.shared.weight)

    out = tmp_path / "out"
    capsys.readouterr()
    assert main(["export", config.run_dir, "--output", str(out), "--format", "huggingface"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"written: {out / 'model.safetensors'}, ")
    assert f"{out / 'glimmer.safetensors'}, " in printed
    exported = T5ForConditionalGeneration.from_pretrained(out)
    assert torch.equal(exported.shared.weight, run.reader.get_parameter("encoder.embedding.weight"))
    following = replace(
        config,
        trainer=replace(config.trainer, initialise=str(out)),
        tokenizer=replace(config.tokenizer, file=str(out / "tokenizer.json")),
    )
    again = build_initial_reader(following, prepare_tokenizer(following, Group()))
    for (name, own), before in zip(again.named_parameters(), run.reader.parameters(), strict=True):
        assert torch.equal(own, before), name


def test_a_tokenizer_of_another_vocabulary_is_told_of_the_checkpoints(config: RunConfig) -> None:
    other = replace(config, tokenizer=replace(config.tokenizer, vocabulary=None))  # type: ignore[call-arg]
    with pytest.raises(
        CheckpointError, match=rf"tokenizer\.vocabulary = {ROWS} and not \d+; set tokenizer\.vocabulary"
    ):
        build_initial_reader(other, prepare_tokenizer(other, Group()))
