"""A run with quantised memory: trained, stopped, stored by its own codes, read back, and started from."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_runs import assert_same_run, small_run, write_corpus

import glimmer
from glimmer.cli.main import main
from glimmer.config.schema import RunConfig
from glimmer.data.files import write_json_lines
from glimmer.data.values import Tokens
from glimmer.errors import CheckpointError
from glimmer.inference.encode import encode_passages
from glimmer.inference.run import load_run
from glimmer.memory import MEMORIES, MemoryStore, QuantisedMemory
from glimmer.memory.codecs.codebooks import DIRECT
from glimmer.memory.writer import Share
from glimmer.models.build import build_reader
from glimmer.models.reader import Reader
from glimmer.training.build import initialise
from glimmer.training.callbacks.base import Callback
from glimmer.training.checkpoint import load_checkpoint, load_model_state
from glimmer.training.run import train
from glimmer.training.trainer import Trainer

MEMORY: dict[str, Any] = {
    "name": "quantised",
    "codes": 16,
    "sample": 64,
    "batches": 2,
    "iterations": 2,
    "rounds": 2,
    "redraw_every": 3,
    "rare": 0.3,
}
QUESTIONS = [f"What is the capital of Land{letter}?" for letter in "aceg"]


def config_of(data: Path, folder: Path, **memory: Any) -> RunConfig:
    return small_run(data, folder, memory=MEMORY | memory)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("data") / "corpus")


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(config_of(data, tmp_path_factory.mktemp("runs") / "vq"))


@pytest.fixture(scope="module")
def store(run: Path) -> Path:
    assert main(["encode", str(run), "--output", str(run / "memory")]) == 0
    return run / "memory"


def test_the_store_has_the_codebooks_of_the_run_and_answers_to_the_bit(run: Path, store: Path) -> None:
    opened = MemoryStore(store)
    weights = load_checkpoint(run / "checkpoints" / "best.pt")["model"]
    assert np.array_equal(opened.codec.arrays()["codebooks"], weights["memory.codebooks"].numpy())
    assert opened.codec.bytes_per_token == 16 // 8  # one bit a dimension
    now, stored = glimmer.load(run).ask(QUESTIONS), glimmer.load(run, memory=store).ask(QUESTIONS)
    assert [(a.text, a.score) for a in stored] == [(a.text, a.score) for a in now]
    again = load_run(run).reading(store).reader.state_dict()
    assert not any(name.startswith("memory.") for name in again)


def test_two_writers_keep_the_codebooks_once(run: Path, tmp_path: Path) -> None:
    loaded = load_run(run)
    passages, options = loaded.corpus.passages(), {"shard_passages": 4, "batch_size": 2}
    for share in (Share(2, 2), Share(1, 2)):
        encode_passages(loaded, passages, tmp_path / "shared", None, share=share, **options)
    encode_passages(loaded, passages, tmp_path / "alone", None, **options)
    for name in ("codec/codebooks.npy", "manifest.json"):
        assert (tmp_path / "shared" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def test_an_update_keeps_the_codebooks(run: Path, store: Path, tmp_path: Path) -> None:
    path, passages = tmp_path / "memory", load_run(run).corpus.passages()
    shutil.copytree(store, path)
    changed = [replace(passages[0], text=f"{passages[1].text} So it is."), *passages[1:-1]]
    write_json_lines(tmp_path / "passages.jsonl", [{"id": p.id, "title": p.title, "text": p.text} for p in changed])
    command = ["memory", "update", str(run), "--store", str(path), "--passages", str(tmp_path / "passages.jsonl")]
    assert main(command) == 0
    before, after = MemoryStore(store), MemoryStore(path, verify=True)
    assert (after.promised.generation, len(after)) == (2, len(changed))
    assert np.array_equal(after.codec.arrays()["codebooks"], before.codec.arrays()["codebooks"])
    encode_passages(load_run(run), changed, tmp_path / "anew", None)
    ids = [passage.id for passage in changed]
    assert torch.equal(after.read(ids).values, MemoryStore(tmp_path / "anew").read(ids).values)


def test_stored_states_are_those_of_the_quantised_memory(run: Path, store: Path) -> None:
    loaded = load_run(run)
    passages = loaded.corpus.passages()
    reader = loaded.reader
    assert isinstance(reader, Reader)
    assert isinstance(reader.memory, QuantisedMemory)
    tokens = Tokens.pad([loaded.collator.encode_passage(p) for p in passages])
    with torch.no_grad():
        online = reader.memory(reader.encode_memory, tokens, ())
    read = MemoryStore(store).read([p.id for p in passages])
    assert torch.equal(read.mask, online.mask)
    assert torch.equal(read.values, online.values)


def test_a_run_that_was_stopped_goes_on_to_the_same_codes(
    data: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(callback: Callback, trainer: Trainer) -> None:
        if trainer.step == 4:
            raise KeyboardInterrupt

    config = config_of(data, tmp_path / "stopped")
    with monkeypatch.context() as patched:
        patched.setattr("glimmer.training.callbacks.progress.Callback.on_boundary", leave, raising=True)
        with pytest.raises(KeyboardInterrupt):
            train(config)
    assert load_checkpoint(tmp_path / "stopped" / "checkpoints" / "last.pt")["step"] < 10
    assert_same_run(train(config), run)


def test_a_store_of_other_codebooks_of_the_same_encoder_is_refused(
    run: Path, store: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    fitted = tmp_path / "fitted"
    assert main(["encode", str(run), "--output", str(fitted), "--codec", "product,codes=16"]) == 0
    assert main(["evaluate", str(run), "--memory", str(fitted)]) == 1
    assert "was stored with other codebooks than this run has learned" in capsys.readouterr().err
    assert main(["memory", "update", str(run), "--store", str(fitted)]) == 1
    assert "was stored with other codebooks than this run has learned" in capsys.readouterr().err
    other = tmp_path / "other"
    assert main(["encode", str(run), "--output", str(other), "--codec", "int8"]) == 0
    assert glimmer.load(run, memory=other).ask(QUESTIONS)  # asked for by name


def test_a_codec_that_learns_is_fitted_to_the_passages(run: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        command = ["encode", str(run), "--output", str(tmp_path / name), "--codec"]
        assert main([*command, "first_tokens,count=6+product,codes=32,subspaces=2,sample=40"]) == 0
    stores = [tmp_path / name for name in ("one", "two")]
    files = [{f.relative_to(s): f.read_bytes() for f in s.rglob("*") if f.is_file()} for s in stores]
    assert Path("codec", "2.codebooks.npy") in files[0]
    assert files[0] == files[1]
    codebooks = MemoryStore(tmp_path / "one").codec.arrays()["2.codebooks"]
    assert codebooks.shape == (2, 32, 8)
    assert len(np.unique(codebooks[0], axis=0)) > 16


def test_memory_without_codebooks_yet_is_not_stored(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_of(data, tmp_path / "short", sample=5000)
    folder = train(replace(config, trainer=replace(config.trainer, steps=1)))
    command = ["encode", str(folder), "--output", str(tmp_path / "memory")]
    assert main(command) == 1
    assert "the memory has no codebooks yet" in capsys.readouterr().err
    assert not (tmp_path / "memory").exists()
    assert main([*command, "--codec", "raw"]) == 0


def test_another_reader_starts_from_the_weights_and_takes_the_codes_if_it_can(data: Path, run: Path) -> None:
    weights = load_checkpoint(run / "checkpoints" / "best.pt")["model"]
    source = load_run(run)
    assert isinstance(source.reader, Reader)
    for memory, taken in (({}, True), ({"subspaces": 2}, False), ({"name": "online"}, False)):
        options = {"name": "online"} if memory.get("name") else MEMORY | memory
        config = replace(source.config, memory=MEMORIES.configure(**options))
        reader = build_reader(config, source.tokenizer)
        initialise(reader, str(run / "checkpoints" / "best.pt"))
        assert torch.equal(reader.state_dict()["encoder.embedding.weight"], weights["encoder.embedding.weight"])
        found = reader.state_dict().get("memory.codebooks")
        assert (found is not None and torch.equal(found, weights["memory.codebooks"])) == taken


@pytest.mark.parametrize(("form", "weights"), [("glimmer", "weights.safetensors"), ("huggingface", "")])
def test_what_is_exported_has_the_codes_in_their_own_type(run: Path, tmp_path: Path, form: str, weights: str) -> None:
    out = tmp_path / "out"
    assert main(["export", str(run), "--output", str(out), "--format", form, "--dtype", "bfloat16"]) == 0
    source = load_run(run)
    reader = build_reader(source.config, source.tokenizer)
    initialise(reader, str(out / weights))
    learned = {name: buffer for name, buffer in source.reader.named_buffers() if name.startswith("memory.")}
    assert learned.keys() >= {"memory.codebooks", "memory.seen"}
    own = reader.state_dict()
    for name, tensor in learned.items():
        assert torch.equal(own[name], tensor), name


def test_codes_of_a_run_that_starts_from_raw_memory_are_drawn_from_its_states(data: Path, tmp_path: Path) -> None:
    raw = train(small_run(data, tmp_path / "raw"))
    best = str(raw / "checkpoints" / "best.pt")
    config = small_run(
        data,
        tmp_path / "vq",
        tasks={"open_qa": {"name": "open_qa"}},
        memory=MEMORY | {"frozen": True, "iterations": 0},
        trainer={"steps": 2, "questions": 4, "device": "cpu", "initialise": best},
        tokenizer={"name": "bpe", "vocabulary": 300, "file": str(raw / "tokenizer.json")},
    )
    folder = train(config)
    codebooks = load_checkpoint(folder / "checkpoints" / "last.pt")["model"]["memory.codebooks"]
    source = load_run(raw)
    assert isinstance(source.reader, Reader)
    tokens = Tokens.pad([source.collator.encode_passage(passage) for passage in source.corpus.passages()])
    with torch.no_grad():
        states = source.reader.encode_memory(tokens)
    parts = states.values[states.mask].view(-1, *codebooks.shape[::2])  # tokens of G subspaces of W
    for number, codebook in enumerate(codebooks):
        assert len(codebook.unique(dim=0)) > 1
        assert torch.cdist(codebook, parts[:, number], compute_mode=DIRECT).amin(1).max() < 1e-4


def test_a_checkpoint_of_other_codebooks_does_not_resume(data: Path, run: Path) -> None:
    loaded = load_run(run)
    config = replace(loaded.config, memory=MEMORIES.configure(**(MEMORY | {"subspaces": 2})))
    reader = build_reader(config, loaded.tokenizer)
    with pytest.raises(CheckpointError, match=r"of another shape: memory\.codebooks \[4, 16, 4\] instead of"):
        load_model_state(reader, loaded.reader.state_dict(), "last.pt")


def test_compute_counts_the_memory_that_the_run_stores(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compute", str(run)]) == 0
    assert "(codec product): 2 bytes a token, 96 bytes a passage\n" in capsys.readouterr().out
    assert main(["compute", str(run), "--codec", "first_tokens,count=5+int8"]) == 0
    assert "(codec sequence): 20 bytes a token, 100 bytes a passage for 5 of 48 tokens\n" in capsys.readouterr().out
