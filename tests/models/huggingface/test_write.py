"""What is written, transformers reads and computes the same with; what no T5 has comes back bit for bit."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from small_readers import small_batch
from t5_folders import KINDS, encoded, t5_reader
from transformers import AutoTokenizer, T5EncoderModel, T5ForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutput

from glimmer.data.tokenizers import TOKENIZERS, Tokenizer, train_tokenizer
from glimmer.errors import CheckpointError, DataError
from glimmer.models.encoders.t5 import T5Encoder
from glimmer.models.huggingface.read import EXTRA, load_t5
from glimmer.models.huggingface.write import write_t5
from glimmer.models.reader import Reader

BATCH = small_batch((4, 2, 3))
GLIMMER: dict[str, Any] = {"live": 2, "rerank": 1, "reranker": "max_pool", "join": "marked"}
SYSTEMS: dict[str, dict[str, Any]] = {
    "FiD": {},
    "LUMEN": {"live": 2, "join": "marked"},
    "GLIMMER": {**GLIMMER, "reranker_options": {"retrieval_score": True}},
    "memory only": {"live": 0},
    "FiDO": {"decoder": {"layers": 4, "key_value_heads": 1, "cross_attention_period": 2}},
    "another width": {"decoder": {"width": 16}},
}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    words = ["a few words of which there are some", "some more words, and a few of them again"] * 9
    return train_tokenizer(TOKENIZERS.configure("bpe", vocabulary=320), words)


def changed(reader: Reader) -> Reader:
    """Weights that no reader begins with, its two position tables apart."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in reader.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return reader


@pytest.mark.parametrize("kind", KINDS)
def test_transformers_computes_what_a_fid_does(tmp_path: Path, kind: str, tokenizer: Tokenizer) -> None:
    reader = changed(t5_reader(kind))
    written = write_t5(reader, tokenizer, tmp_path / "out")
    assert written[EXTRA] == []
    assert not (tmp_path / "out" / EXTRA).exists()
    model = T5ForConditionalGeneration.from_pretrained(tmp_path / "out").eval()
    with torch.no_grad():
        states, mask = encoded(model, BATCH)
        output = model(encoder_outputs=BaseModelOutput(states), attention_mask=mask, labels=BATCH.targets.ids)
        own = reader(BATCH).logits
    torch.testing.assert_close(own, output.logits[BATCH.targets.mask], atol=1e-5, rtol=1e-5)
    read = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert read("some words", add_special_tokens=False)["input_ids"] == tokenizer.encode("some words")
    assert (read.pad_token_id, read.eos_token_id, read.unk_token_id) == (0, 1, 2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_comes_back_bit_for_bit(tmp_path: Path, system: str, kind: str, tokenizer: Tokenizer) -> None:
    reader, again = changed(t5_reader(kind, **SYSTEMS[system])), t5_reader(kind, **SYSTEMS[system])
    written = write_t5(reader, tokenizer, tmp_path / "out")
    names = [name for name, _ in reader.named_parameters()]
    assert sorted(name for file in written.values() for name in file) == sorted(names)
    assert load_t5(again, tmp_path / "out") == []
    for (name, own), read in zip(reader.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(own, read), name


def test_the_second_file_holds_what_no_t5_has(tmp_path: Path, tokenizer: Tokenizer) -> None:
    reader = changed(t5_reader(**GLIMMER))
    write_t5(reader, tokenizer, tmp_path / "out")
    extra = {"encoder.live_relative_attention_bias.weight", "join.marks"}
    extra |= {name for name, _ in reader.named_parameters() if name.startswith("reranker.")}
    assert load_file(tmp_path / "out" / EXTRA).keys() == extra
    T5ForConditionalGeneration.from_pretrained(tmp_path / "out")
    other = t5_reader(**{**GLIMMER, "reranker": "mean_pool"})
    before = {name: p.detach().clone() for name, p in other.named_parameters()}
    load_t5(other, tmp_path / "out")
    kept = [name for name, p in other.named_parameters() if torch.equal(p, before[name])]
    assert kept == [name for name in before if name.startswith("reranker.")]


def test_a_decoder_that_is_no_t5_leaves_an_encoder(tmp_path: Path, tokenizer: Tokenizer) -> None:
    reader = changed(t5_reader(**SYSTEMS["FiDO"]))
    write_t5(reader, tokenizer, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "config.json").read_text())["architectures"] == ["T5EncoderModel"]
    model = T5EncoderModel.from_pretrained(tmp_path / "out")
    assert torch.equal(model.encoder.final_layer_norm.weight, reader.encoder.final_norm.weight)


def test_a_smaller_type_halves_the_files(tmp_path: Path, tokenizer: Tokenizer) -> None:
    reader = changed(t5_reader(**GLIMMER))
    write_t5(reader, tokenizer, tmp_path / "out", torch.bfloat16)
    for file in ("model.safetensors", EXTRA):
        assert {tensor.dtype for tensor in load_file(tmp_path / "out" / file).values()} == {torch.bfloat16}
    again = t5_reader(**GLIMMER)
    load_t5(again, tmp_path / "out")
    assert torch.equal(again.encoder.final_norm.weight, reader.encoder.final_norm.weight.bfloat16().float())


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path, tokenizer: Tokenizer) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="cannot be written"):
        write_t5(t5_reader(), tokenizer, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_encoder_that_computes_otherwise_is_no_t5(tmp_path: Path, tokenizer: Tokenizer) -> None:
    class Other(T5Encoder):
        pass

    reader = t5_reader()
    reader.encoder.__class__ = Other
    with pytest.raises(
        CheckpointError, match=r"only a reader of T5's encoder and decoder is a T5, and .* has Other and"
    ):
        write_t5(reader, tokenizer, tmp_path / "out")
    assert not (tmp_path / "out").exists()
