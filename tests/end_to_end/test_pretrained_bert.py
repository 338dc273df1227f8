"""From a BERT's folder or an installed package to a trained run that answers, at every kind of split."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from bert_folders import MINILM, PIECES, needs_minilm, random_bert, write_wordpiece
from safetensors.torch import load_file
from small_runs import small_run, write_corpus
from torch.nn.functional import cross_entropy

from glimmer.config.compose import compose_run
from glimmer.config.schema import RunConfig
from glimmer.data.collate import Collator
from glimmer.data.collection import Corpus
from glimmer.data.hub import resolve_folder
from glimmer.data.tokenizers import load_tokenizer
from glimmer.evaluation.evaluate import evaluation_examples
from glimmer.inference.encode import encode_passages
from glimmer.inference.run import LoadedRun, load_run
from glimmer.memory import CODECS
from glimmer.tasks import TASKS
from glimmer.training.build import build_initial_reader
from glimmer.training.run import train

LAYERS = 3
STACK = {"layers": LAYERS, "width": 32, "heads": 4, "feed_forward": 48, "positions": 96}
WORDS = "embeddings.word_embeddings.weight"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus and a BERT."""
    folder = tmp_path_factory.mktemp("work")
    write_corpus(folder / "data")
    random_bert(vocab_size=len(PIECES), num_hidden_layers=LAYERS, max_position_embeddings=96).save_pretrained(
        folder / "bert"
    )
    write_wordpiece(folder / "bert" / "tokenizer.json")
    return folder


def run_of(work: Path, live: int, tmp_path: Path) -> RunConfig:
    run = small_run(
        work / "data",
        tmp_path / "run",
        tokenizer={"name": "wordpiece", "file": str(work / "bert")},
        encoder={"name": "bert", **STACK},
        decoder={"name": "t5", "layers": 1, "heads": 4, "head_width": 8, "feed_forward": 48, "embedding_scale": 3.0},
        model={"name": "reader", "live_layers": live, "rerank_layers": min(1, live)},
        tasks={"open_qa": {"name": "open_qa"}, "denoising": {"name": "denoising"}},
    )
    trainer = replace(run.trainer, steps=4, initialise=str(work / "bert"))
    return replace(run, trainer=trainer, callbacks={"checkpoint": run.callbacks["checkpoint"]})


def answers(run: LoadedRun) -> list[str]:
    return [prediction.answer for prediction in run.evaluate("open_qa", "dev", limit=3).predictions]


@pytest.mark.parametrize("live", [0, 1, LAYERS])
def test_a_run_from_a_bert_trains_answers_and_reads_its_stored_memory(work: Path, tmp_path: Path, live: int) -> None:
    config = run_of(work, live, tmp_path)
    run = load_run(train(config))
    assert run.step == 4
    start = load_file(work / "bert" / "model.safetensors")[WORDS]
    assert not torch.equal(run.reader.get_parameter("encoder.embedding.weight"), start)
    (question,) = run.collator(evaluation_examples(run.task("open_qa"), "dev", 1)).questions.ids.tolist()
    assert (question[0], question[-1]) == (PIECES.index("[CLS]"), PIECES.index("[SEP]"))
    if live == LAYERS:
        return
    passages = list(run.corpus.passages(None))
    encode_passages(run, passages, tmp_path / "store", CODECS.configure("raw", dtype="float32"))
    assert answers(run.reading(tmp_path / "store")) == answers(run)


@needs_minilm
@pytest.mark.parametrize("live", [0, 2, 6])
def test_minilm_begins_a_reader_that_learns(work: Path, live: int) -> None:
    names = ["encoder=minilm", "tokenizer=minilm", "decoder=minilm"]
    still = ["decoder.dropout=0", "encoder.dropout=0", "encoder.attention_dropout=0"]
    sizes = ["decoder.layers=1", f"model.live_layers={live}", f"model.rerank_layers={min(1, live)}"]
    initialise, data = f"trainer.initialise={MINILM}", f"data.dir={work / 'data'}"
    config = compose_run([*names, *still, *sizes, initialise, data, "collator.passage_format='{title}: {text}'"])
    tokenizer, corpus = load_tokenizer(config.tokenizer), Corpus(config.data)
    reader = build_initial_reader(config, tokenizer)
    folder = resolve_folder(MINILM)
    assert folder is not None
    words = load_file(folder / "model.safetensors")[WORDS]
    assert torch.equal(reader.get_parameter("encoder.embedding.weight"), words)
    task = TASKS.build(config.tasks["open_qa"], "open_qa", corpus)
    batch = Collator(config.collator, tokenizer)(evaluation_examples(task, "dev", 1), passages=2)
    optimizer = torch.optim.AdamW(reader.parameters(), lr=1e-3)
    losses = []
    for _ in range(3):
        logits = reader(batch).logits
        loss = cross_entropy(logits, batch.targets.ids[batch.targets.mask])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    chance = math.log(tokenizer.vocabulary)
    assert losses[0] < chance - 4  # what it points at from the start are words of the passages, and so of the answer
    assert losses[-1] < losses[0] - 1
