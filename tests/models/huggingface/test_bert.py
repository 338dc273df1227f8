"""A reader begun from a BERT computes what transformers does, at every split; what does not fit is one error."""

import json
import logging
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from bert_folders import LAYERS, bert_reader, random_bert
from safetensors.torch import load_file, save_file
from small_readers import VOCABULARY, small_batch
from t5_folders import change_config, random_t5, save, t5_reader
from torch.nn import functional as F
from transformers import BertForMaskedLM, BertModel

from glimmer.errors import CheckpointError
from glimmer.models.huggingface.bert import load_bert, open_bert
from glimmer.models.huggingface.bert_names import bert_rows
from glimmer.models.huggingface.bert_sizes import read_bert_sizes
from glimmer.models.reader import Reader
from glimmer.training.build import initialise

BATCH = small_batch((4, 2, 3))
CLOSE = {"atol": 1e-5, "rtol": 1e-5}
WORDS = "embeddings.word_embeddings.weight"
QUERY = "encoder.layer.1.attention.self.query.weight"


@pytest.fixture(scope="module")
def model() -> BertModel:
    return random_bert()


@pytest.fixture
def folder(tmp_path: Path, model: BertModel) -> Path:
    model.save_pretrained(tmp_path / "bert")
    return tmp_path / "bert"


@pytest.mark.parametrize("live", range(LAYERS + 1))
def test_states_and_gradients_are_those_of_transformers_at_every_split(
    folder: Path, model: BertModel, live: int
) -> None:
    reader, rows = bert_reader(live=live), BATCH.passages
    load_bert(reader, folder)
    split = LAYERS - live
    memory = reader.encode_memory(rows)
    ours = reader.encoder.finish(reader.encoder.run(memory, split, LAYERS, None)).values[rows.mask]
    output = model(input_ids=rows.ids, attention_mask=rows.mask.long(), output_hidden_states=True)
    theirs = output.last_hidden_state[rows.mask]
    if split:  # before the first layer ours are words alone, theirs have their positions
        torch.testing.assert_close(memory.values[rows.mask], output.hidden_states[split][rows.mask], **CLOSE)
    torch.testing.assert_close(ours, theirs, **CLOSE)
    weight = torch.randn(theirs.shape, generator=torch.Generator().manual_seed(3))
    model.zero_grad()
    (ours * weight).mean(1).sum().backward()
    (theirs * weight).mean(1).sum().backward()
    for own, name, _ in bert_rows(read_bert_sizes(folder)):
        torch.testing.assert_close(reader.get_parameter(f"encoder.{own}").grad, model.get_parameter(name).grad, **CLOSE)


def test_only_the_encoder_and_what_shares_its_embedding_changes(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    reader = bert_reader(live=2, rerank=1, reranker="mean_pool", join="marked")
    before = {name: p.detach().clone() for name, p in reader.named_parameters()}
    with caplog.at_level(logging.INFO):
        initialise(reader, str(folder))
    kept = [name for name, p in reader.named_parameters() if torch.equal(p, before[name])]
    assert kept == [name for name in before if name.startswith(("join.", "reranker.", "decoder."))]
    assert reader.decoder.embedding.weight is reader.encoder.embedding.weight
    said = [record.getMessage() for record in caplog.records]
    assert sum("keep their initial values" in line for line in said) == 1
    assert sum("pooler.dense.bias" in line and "left out" in line for line in said) == 1


@pytest.mark.parametrize("form", ["with a head", "in old names", "with positions", "in bin"])
def test_every_form_of_a_folder_gives_the_same_weights(
    tmp_path: Path, model: BertModel, folder: Path, form: str
) -> None:
    tensors = load_file(folder / "model.safetensors")
    if form == "with a head":
        whole = BertForMaskedLM(model.config)
        whole.bert.load_state_dict(model.state_dict(), strict=False)
        whole.save_pretrained(folder)
        assert any(name.startswith("cls.") for name in load_file(folder / "model.safetensors"))
    elif form == "in old names":
        old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        for new, name in old.items():
            tensors = {key.replace(new, name): tensor for key, tensor in tensors.items()}
        save_file({f"bert.{key}": tensor for key, tensor in tensors.items()}, folder / "model.safetensors")
    elif form == "with positions":
        save_file({**tensors, "embeddings.position_ids": torch.arange(9)[None]}, folder / "model.safetensors")
    else:
        (folder / "model.safetensors").unlink()
        torch.save(tensors, folder / "pytorch_model.bin")
    model.save_pretrained(tmp_path / "plain")
    (_, found), (_, expected) = open_bert(folder), open_bert(tmp_path / "plain")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_what_is_to_start_anew_keeps_its_initial_values(folder: Path) -> None:
    reader = bert_reader()
    before = {name: p.detach().clone() for name, p in reader.named_parameters()}
    initialise(reader, str(folder), fresh=r"^encoder\.blocks\.3\.")
    same = {name for name, p in reader.named_parameters() if torch.equal(p, before[name])}
    assert {name for name in before if name.startswith("encoder.blocks.3.")} <= same
    assert "encoder.blocks.2.inner.weight" not in same


def loss_of(reader: Reader) -> float:
    with torch.no_grad():
        logits = reader(BATCH).logits
    return float(F.cross_entropy(logits, BATCH.targets.ids[BATCH.targets.mask]))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("live", [0, 2, LAYERS])
def test_a_reader_on_a_berts_small_embedding_begins_about_as_wrong_as_chance(tied: bool, live: int) -> None:
    for scale in (1.0, 50.0):  # BERT's own deviation is 0.02
        reader = bert_reader(live=live, decoder_options={"tie_output": tied, "embedding_scale": scale})
        assert math.log(VOCABULARY) - 1 < loss_of(reader) < math.log(VOCABULARY) + 3


def test_a_scaled_embedding_is_the_same_as_a_larger_one_to_the_decoder() -> None:
    scaled = bert_reader(decoder_options={"tie_output": True, "embedding_scale": 8.0})
    plain = bert_reader(decoder_options={"tie_output": True})
    plain.load_state_dict(scaled.state_dict())
    with torch.no_grad():
        _, fused = scaled.read(BATCH)
        plain.decoder.embedding.weight.mul_(8.0)
        ours, expected = scaled.decoder(BATCH.targets.ids, fused), plain.decoder(BATCH.targets.ids, fused)
        torch.testing.assert_close(ours, expected, **CLOSE)
        cache, start = scaled.decoder.start(fused, 1), torch.zeros(len(BATCH.ids), dtype=torch.long)
        torch.testing.assert_close(scaled.decoder.step(start, cache), expected[:, 0], **CLOSE)


def edit(name: str, tensor: torch.Tensor | None) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        tensors.pop(name, None)
        save_file(tensors if tensor is None else {**tensors, name: tensor}, folder / "model.safetensors")

    return change


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (edit(QUERY, None), rf"is not the BERT that its config\.json describes: missing: {QUERY}"),
    "unexpected": (edit("adapter.weight", torch.ones(2)), r"describes: unexpected: adapter\.weight"),
    "misshapen": (edit(QUERY, torch.ones(7)), rf"misshapen: {QUERY} \(7,\) instead of \(32, 32\)"),
    "twice": (edit(f"bert.{QUERY}", torch.ones(32, 32)), rf"holds {QUERY} twice"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "holds no weights; expected model"),
    "broken config": (lambda folder: (folder / "config.json").write_text("{"), r"config\.json: not JSON"),
    "no size": (
        lambda folder: change_config(folder, hidden_size=None),
        r"config\.json: hidden_size is missing; expected a whole",
    ),
    "no number": (lambda folder: change_config(folder, type_vocab_size="2"), r"type_vocab_size is '2'; expected a who"),
    "another vocabulary": (
        lambda folder: change_config(folder, vocab_size=61),
        rf"misshapen: {WORDS} \({VOCABULARY}, 32\) instead of \(61, 32\)",
    ),
    "unknown activation": (
        lambda folder: change_config(folder, hidden_act="gelu_new"),
        r"hidden_act names an unknown activation 'gelu_new'; did you mean 'gelu'\? Known: gelu, relu",
    ),
    "other positions": (
        lambda folder: change_config(folder, position_embedding_type="relative_key"),
        r"position_embedding_type is 'relative_key'; expected 'absolute'",
    ),
    "a decoder": (lambda folder: change_config(folder, is_decoder=True), r"is_decoder is True; expected False"),
    "no epsilon": (lambda folder: change_config(folder, layer_norm_eps="a"), r"layer_norm_eps is 'a'; expected a num"),
    "another model": (
        lambda folder: change_config(folder, model_type="roberta"),
        r"config\.json: model_type is 'roberta'; did you mean 'bert'\? Known: bert, t5",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_folder_that_is_at_fault(folder: Path, fault: str) -> None:
    change, message = FAULTS[fault]
    change(folder)
    reader = bert_reader()
    before = {name: p.detach().clone() for name, p in reader.named_parameters()}
    with pytest.raises(CheckpointError, match=message) as caught:
        initialise(reader, str(folder))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"trainer.initialise={folder}: {folder}")
    assert all(torch.equal(p, before[name]) for name, p in reader.named_parameters())


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        (
            lambda: bert_reader(vocabulary=58),
            r"reader: tokenizer\.vocabulary = 60 and not 58; set tokenizer\.vocabulary=60; null starts",
        ),
        (
            lambda: bert_reader(encoder_options={"positions": 64, "activation": "relu"}),
            r"encoder\.positions = 40 and not 64, encoder\.activation = gelu and not relu; set encoder\.positions=40 ",
        ),
        (lambda: bert_reader(encoder_options={"epsilon": 1e-5}), r"set encoder\.epsilon=1e-12;"),
        (lambda: bert_reader(layers=6, live=6), r"encoder\.layers = 4 and not 6; set encoder\.layers=4;"),
    ],
)
def test_a_reader_of_other_sizes_is_told_which(folder: Path, reader: Callable[[], Reader], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        initialise(reader(), str(folder))


def test_encoders_and_checkpoints_of_two_families_do_not_mix(folder: Path, tmp_path: Path) -> None:
    t5 = save(random_t5("1.1"), tmp_path / "t5")
    with pytest.raises(CheckpointError, match=r"is a T5; expected encoder=t5 and decoder=t5"):
        initialise(bert_reader(), str(t5))
    with pytest.raises(CheckpointError, match=r"is a BERT; expected encoder=bert"):
        initialise(t5_reader(), str(folder))
    with pytest.raises(
        CheckpointError, match=r"is a BERT and has no decoder that trainer\.reduce=drop could make small"
    ):
        initialise(bert_reader(), str(folder), reduce="drop")


def test_a_config_may_leave_out_what_all_berts_have(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    for key in ("hidden_act", "layer_norm_eps", "position_embedding_type", "is_decoder", "add_cross_attention"):
        config.pop(key, None)
    (folder / "config.json").write_text(json.dumps(config))
    initialise(bert_reader(), str(folder))
