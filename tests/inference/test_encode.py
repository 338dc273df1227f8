"""A trained run's passages are encoded once, and read back they answer as if they were encoded now."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_runs import small_run, write_corpus

import glimmer
from glimmer.cli.main import main
from glimmer.config.compose import compose_run
from glimmer.data.passages import write_passages
from glimmer.data.tokenizers import TOKENIZERS, train_tokenizer
from glimmer.data.values import Passage
from glimmer.errors import ConfigError, StoreError
from glimmer.inference import encode
from glimmer.inference.run import load_run
from glimmer.memory import MEMORIES, MemoryStore
from glimmer.models.build import text_fingerprint
from glimmer.training.run import train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encode")
    return train(small_run(write_corpus(folder / "data"), folder / "runs" / "small"))


@pytest.fixture(scope="module")
def store(run: Path) -> Path:
    path = run / "memory"
    codec = ["--codec", "raw,dtype=float32"]
    assert main(["encode", str(run), "--output", str(path), *codec, "--batch-size", "5"]) == 0
    return path


def test_stored_memory_answers_as_memory_encoded_now(run: Path, store: Path) -> None:
    questions = [f"What is the capital of Land{letter}?" for letter in "abcdefgh"]
    now, stored = glimmer.load(run).ask(questions), glimmer.load(run, memory=store).ask(questions)
    assert [a.text for a in stored] == [a.text for a in now]
    assert [[p.id for p in a.candidates] for a in stored] == [[p.id for p in a.candidates] for a in now]
    assert [a.score for a in stored] == pytest.approx([a.score for a in now], abs=1e-5)


def test_the_store_holds_every_passage_in_the_type_asked_for(
    run: Path, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = load_run(run)
    opened = MemoryStore(store)
    for passage in loaded.corpus.passages():
        assert int(opened.read([passage.id]).mask.sum()) == len(loaded.collator.encode_passage(passage))
    assert main(["encode", str(run), "--output", str(tmp_path / "half")]) == 0
    half = MemoryStore(tmp_path / "half")
    assert (half.codec.bytes_per_token, opened.codec.bytes_per_token) == (2 * 16, 4 * 16)
    assert f"12 passages, {half.manifest['tokens']:,} tokens" in capsys.readouterr().out


TOY_CODEC = """
from dataclasses import dataclass

import torch
from torch.nn import functional

from glimmer.memory import Codec, register_codec
from glimmer.registry import ComponentConfig
from glimmer.options import option


@dataclass(kw_only=True)
class ToyConfig(ComponentConfig):
    kept: int = option(4, "Dimensions kept")


@register_codec("toy", ToyConfig)
class Toy(Codec):
    storage = torch.float32

    @property
    def columns(self):
        return self.config.kept

    def encode(self, states, token_ids):
        return states[:, : self.config.kept].float()

    def decode(self, rows, lengths):
        return functional.pad(rows, (0, self.width - self.config.kept))
"""


def test_a_codec_from_outside_is_chosen_with_its_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "toy.py").write_text(TOY_CODEC)
    config = small_run(write_corpus(tmp_path / "data"), tmp_path / "run", user_dir=str(parts))
    folder = train(replace(config, trainer=replace(config.trainer, steps=1)))
    command = ["encode", str(folder), "--output", str(tmp_path / "memory"), "--codec"]
    for word, message in {
        "toy,keptt=3": "unknown key codec.keptt; did you mean 'kept'?",
        "toy,kept": "--codec toy,kept: expected NAME,KEY=VALUE,…; found 'kept'",
        "toyy": "codec: unknown codec 'toyy'; did you mean 'toy'?",
    }.items():
        assert main([*command, word]) == 1
        assert message in capsys.readouterr().err
    assert main([*command, "toy,kept=3"]) == 0
    store = MemoryStore(tmp_path / "memory")
    assert store.manifest["codec"] == {"name": "toy", "kept": 3}
    assert not store.read(["p0"]).values[..., 3:].any()
    assert glimmer.load(folder, memory=tmp_path / "memory").ask("What is the capital of Landa?").candidates


def test_evaluate_reads_the_store_and_names_its_figures_so(run: Path, store: Path) -> None:
    for more in ([], ["--memory", str(store)]):
        assert main(["evaluate", str(run), *more]) == 0
    files = [next((run / "evaluation").glob(name)) for name in ("open_qa-dev.json", "open_qa-dev-memory-*.json")]
    now, stored = ({**json.loads(file.read_text()), "made_by": None} for file in files)
    assert stored == now


def test_evaluate_tells_what_a_cache_of_the_store_did(
    run: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", str(run), "--memory", str(store), "--set", "memory.cache_bytes=1000000"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert re.search(r"memory cache: \d+ hits, \d+ misses \([\d.]+% hits\); \d+ passages, [\d.]+ k?B held", printed)
    assert main([*command, "--json"]) == 0
    use = json.loads(capsys.readouterr().out)["memory_cache"]
    assert use["misses"] == use["passages"] <= 12
    assert 0 < use["bytes"] <= 4 * 16 * MemoryStore(store).manifest["tokens"]
    assert main(["evaluate", str(run), "--set", "memory.cache_bytes=1000000"]) == 1
    assert "memory.cache_bytes must be 0 where memory is not frozen" in capsys.readouterr().err
    assert main(["evaluate", str(run), "--set", "memory.verify=true"]) == 1
    assert "memory.verify: the run's memory 'online' has no such option" in capsys.readouterr().err


def test_a_reader_trains_on_the_store(run: Path, store: Path, tmp_path: Path) -> None:
    config = load_run(run).config
    stored = replace(
        config,
        run_dir=str(tmp_path / "stored"),
        memory=MEMORIES.configure("stored", path=str(store)),
        tasks={"open_qa": config.tasks["open_qa"]},
        tokenizer=replace(config.tokenizer, file=str(run / "tokenizer.json")),
        trainer=replace(
            config.trainer, initialise=str(run / "checkpoints" / "best.pt"), steps=2, stages=[config.trainer.stages[1]]
        ),
    )
    assert load_run(train(stored)).step == 2
    other = replace(stored, run_dir=str(tmp_path / "other"), trainer=replace(stored.trainer, initialise=None))
    with pytest.raises(StoreError, match="not made by this reader: encoder weights"):
        train(other)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("change", ["collator.passage_tokens=9", "collator.passage_format='{title}: {text}'"])
def test_a_reader_refuses_a_store_of_passages_in_another_form(
    run: Path, store: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    assert main(["evaluate", str(run), "--memory", str(store), "--set", change]) == 1
    message = capsys.readouterr().err
    assert "was not made by this reader: tokenizer, passage format or length limit (" in message
    assert message.rstrip().endswith("encode it again with `glimmer encode`")


def test_another_tokenizer_makes_another_memory(run: Path) -> None:
    loaded = load_run(run)
    other = train_tokenizer(TOKENIZERS.configure("bpe", vocabulary=300), ["other texts make other tokens"])
    assert text_fingerprint(loaded.config, loaded.tokenizer) == text_fingerprint(loaded.config, load_run(run).tokenizer)
    assert text_fingerprint(loaded.config, loaded.tokenizer) != text_fingerprint(loaded.config, other)


def test_other_passages_can_be_encoded_and_others_take_their_place(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "more.jsonl"
    write_passages(file, [Passage("x1", "Landx", "The capital of Landx is Townx.")])
    assert main(["encode", str(run), "--output", str(tmp_path / "more"), "--passages", str(file)]) == 0
    assert len(MemoryStore(tmp_path / "more")) == 1
    with pytest.raises(StoreError, match="holds no passage"):
        glimmer.load(run, memory=tmp_path / "more").ask("What is the capital of Landa?")
    capsys.readouterr()
    assert main(["memory", "update", str(run), "--store", str(tmp_path / "more")]) == 0
    assert "12 passages encoded, 0 kept, 1 dropped; " in capsys.readouterr().out
    assert glimmer.load(run, memory=tmp_path / "more").ask("What is the capital of Landa?").candidates


def test_processes_and_shares_write_the_same_files(run: Path, tmp_path: Path) -> None:
    one, two, shares = (tmp_path / name for name in ("one", "two", "shares"))
    command = ["encode", str(run), "--shard-passages", "5", "--device", "cpu"]
    assert main([*command, "--output", str(one)]) == 0
    assert main([*command, "--output", str(two), "--processes", "2"]) == 0
    assert main([*command, "--output", str(shares), "--share", "2/2"]) == 0
    assert not (shares / "manifest.json").exists()
    assert main([*command, "--output", str(shares), "--share", "1/2"]) == 0
    for file in one.rglob("*"):
        if file.is_file() and not file.name.startswith("lock"):
            assert (two / file.relative_to(one)).read_bytes() == file.read_bytes()
            assert (shares / file.relative_to(one)).read_bytes() == file.read_bytes()


def test_a_process_that_comes_after_the_others_have_completed_the_store_is_done(
    run: Path, store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    command = ["encode", str(run), "--output", str(store), "--codec", "raw,dtype=float32", "--batch-size", "5"]
    assert main([*command, "--device", "cpu"]) == 0
    assert "12 passages" in capsys.readouterr().out


def test_a_shard_has_no_more_passages_than_are_worth_losing(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode, "SHARD_PASSAGES", 5)
    assert main(["encode", str(run), "--output", str(tmp_path / "store")]) == 0
    assert [shard["passages"] for shard in MemoryStore(tmp_path / "store").manifest["shards"]] == [5, 5, 2]


def test_more_processes_than_cuda_devices_are_refused(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("is_available", True), ("device_count", 1), ("current_device", 0)):
        monkeypatch.setattr(torch.cuda, name, lambda value=value: value)
    assert main(["encode", str(run), "--output", str(tmp_path / "store"), "--processes", "2"]) == 1
    assert "--processes 2: one a CUDA device at most, and there are 1; use fewer" in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


def test_its_throughput_is_compared_with_the_encoders(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "throughput.json"
    words = ["--limit", "5", "--repeats", "1", "--batch-size", "2", "--dir", str(tmp_path), "--output", str(output)]
    assert main(["memory", "throughput", str(run), *words]) == 0
    assert json.loads(output.read_text())["passages"] == 5
    assert capsys.readouterr().out == output.with_suffix(".md").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["throughput.json", "throughput.md"]


def test_a_store_is_never_written_over(run: Path, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (store / "manifest.json").read_bytes()
    assert main(["encode", str(run), "--output", str(store)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert (store / "manifest.json").read_bytes() == before


def test_a_reader_without_memory_layers_has_nothing_to_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", sys.argv)
    config = small_run(write_corpus(tmp_path / "data"), tmp_path / "run")
    fid = replace(config, model=replace(config.model, live_layers=2), trainer=replace(config.trainer, steps=1))
    folder = train(fid)
    assert main(["encode", str(folder), "--output", str(tmp_path / "store")]) == 1
    assert "no memory layers" in capsys.readouterr().err
    assert not (tmp_path / "store").exists()
    with pytest.raises(ConfigError, match="memory=stored needs memory layers"):
        load_run(folder, memory=tmp_path / "store")


def test_lumen_reads_a_store_by_one_choice() -> None:
    memory = compose_run(["experiment=lumen", "memory=stored", "memory.path=store"]).memory
    assert (memory.name, memory.path) == ("stored", "store")  # type: ignore[attr-defined]
    assert compose_run(["experiment=lumen"]).memory.frozen is True  # type: ignore[attr-defined]
