"""T5 folders in every form, read into every split; what does not fit is one error that names it."""

import gc
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_readers import VOCABULARY
from t5_folders import DECODER_LAYERS, LAYERS, change_config, random_t5, save, t5_reader

from glimmer.errors import CheckpointError
from glimmer.models.huggingface.read import load_t5
from glimmer.models.huggingface.tensors import open_tensors
from glimmer.models.reader import Reader
from glimmer.training.build import initialise

MEMORY, LIVE = "encoder.memory_relative_attention_bias.weight", "encoder.live_relative_attention_bias.weight"
FORMS = ["safetensors", "safetensors sharded", "bin", "bin sharded"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(random_t5("1.1"), tmp_path / "t5")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_folder_gives_the_same_weights(tmp_path: Path, form: str) -> None:
    model = random_t5("1.1")
    made = save(model, tmp_path / "t5", form)
    expected = load_file(save(model, tmp_path / "plain") / "model.safetensors")
    found = open_tensors(made)
    assert len([path for path in made.iterdir() if path.suffix in (".bin", ".safetensors")]) > ("sharded" in form)
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    reader = t5_reader()
    initialise(reader, str(made))
    assert torch.equal(reader.encoder.embedding.weight, expected["shared.weight"])


def test_a_file_from_before_torch_1_6_is_read(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(tensors, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    assert load_t5(t5_reader(), folder) == []


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux how much memory is the process's own")
@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_opening_a_file_takes_no_memory(tmp_path: Path, kind: str) -> None:
    big = {f"t{i}": torch.zeros(1024, 1024) for i in range(16)}
    if kind == "bin":
        torch.save(big, tmp_path / "pytorch_model.bin")
    else:
        save_file(big, tmp_path / "model.safetensors")
    del big
    gc.collect()
    before = own_memory()
    found = open_tensors(tmp_path)
    assert sum(float(tensor.sum()) for tensor in found.values()) == 0
    assert own_memory() - before < 16  # of 64 MB


def own_memory() -> float:
    """Anonymous memory in MB: what is mapped from files is none."""
    return int(re.findall(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]) / 1024


@pytest.mark.parametrize("live", range(LAYERS + 1))
def test_every_split_takes_its_layers_and_its_position_tables_from_the_one_checkpoint(folder: Path, live: int) -> None:
    reader, whole = t5_reader(live=live), t5_reader()
    load_t5(reader, folder)
    load_t5(whole, folder)
    own, expected = dict(reader.named_parameters()), dict(whole.named_parameters())
    assert {MEMORY, LIVE} & own.keys() == ({MEMORY} if live < LAYERS else set()) | ({LIVE} if live else set())
    for name, parameter in own.items():
        assert torch.equal(parameter, expected[LIVE if name == MEMORY else name])
    if 0 < live < LAYERS:
        assert own[LIVE].data_ptr() != own[MEMORY].data_ptr()


def test_what_a_t5_lacks_keeps_its_initial_values_and_is_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    reader = t5_reader(live=2, rerank=1, reranker="mean_pool", join="marked")
    before = {name: p.detach().clone() for name, p in reader.named_parameters()}
    with caplog.at_level(logging.INFO):
        load_t5(reader, folder)
    kept = [name for name, p in reader.named_parameters() if torch.equal(p, before[name])]
    assert kept == [name for name in before if name.startswith(("join.", "reranker."))]
    assert all(name in caplog.text for name in kept)


def test_names_that_hold_the_embedding_too_and_positions_that_nobody_reads_are_no_fault(tmp_path: Path) -> None:
    made = save(random_t5("1.0"), tmp_path / "t5")
    tensors = load_file(made / "model.safetensors")
    shared = tensors["shared.weight"]
    copies = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")
    unread = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    full = {**tensors, **{name: shared.clone() for name in copies}, unread: torch.zeros(32, 4)}
    save_file(full, made / "model.safetensors")
    load_t5(t5_reader("1.0"), made)
    save_file({name: t for name, t in full.items() if name != "shared.weight"}, made / "model.safetensors")
    load_t5(t5_reader("1.0"), made)
    for name in copies:
        save_file({**full, name: shared + 1}, made / "model.safetensors")
        with pytest.raises(CheckpointError, match=rf"{name} differs from shared\.weight"):
            load_t5(t5_reader("1.0"), made)


def test_an_output_that_transformers_5_shares_without_scaling_begins_as_the_embedding(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["lm_head.weight"]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"missing: lm_head\.weight$"):
        load_t5(t5_reader(), folder)
    change_config(folder, tie_word_embeddings=True, scale_decoder_outputs=False)
    reader = t5_reader()
    load_t5(reader, folder)
    assert torch.equal(reader.decoder.output.weight, reader.encoder.embedding.weight)
    assert reader.decoder.output.weight is not reader.encoder.embedding.weight


def edit(name: str, tensor: torch.Tensor | None) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        tensors.pop(name, None)
        save_file(tensors if tensor is None else {**tensors, name: tensor}, folder / "model.safetensors")

    return change


def cut(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:-1000])

    return change


def spoil(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    content = bytearray((folder / "pytorch_model.bin").read_bytes())
    content[len(content) // 2] ^= 255
    (folder / "pytorch_model.bin").write_bytes(content)


def pickled(content: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        torch.save(content, folder / "pytorch_model.bin")

    return change


def indexed(places: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / "part.safetensors")
        (folder / "model.safetensors.index.json").write_text(json.dumps(places))

    return change


NORM = "encoder.block.1.layer.0.layer_norm.weight"
FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (edit(NORM, None), rf"is not the T5 that its config\.json describes: missing: {re.escape(NORM)}$"),
    "unexpected": (edit("adapter.weight", torch.ones(2)), r"describes: unexpected: adapter\.weight$"),
    "misshapen": (edit(NORM, torch.ones(7)), rf"misshapen: {re.escape(NORM)} \(7,\) instead of \(32,\)$"),
    "another vocabulary": (
        lambda folder: change_config(folder, vocab_size=61),
        rf"misshapen: shared\.weight \({VOCABULARY}, 32\) instead of \(61, 32\), lm_head\.weight",
    ),
    "truncated safetensors": (
        cut("model.safetensors"),
        r"model\.safetensors: damaged, truncated or no file of weights",
    ),
    "spoilt bin": (spoil, r"pytorch_model\.bin: damaged: the checksum of .* is wrong"),
    "a list": (pickled([1, 2]), r"pytorch_model\.bin: expected tensors by name"),
    "code": (pickled({"a": Path()}), r"pytorch_model\.bin: damaged, truncated or no file of weights"),
    "no weights": (
        lambda folder: (folder / "model.safetensors").unlink(),
        r"holds no weights; expected model\.safetensors, .* or pytorch_model\.bin\.index\.json",
    ),
    "no shard": (indexed({"weight_map": {NORM: "other.safetensors"}}), r"other\.safetensors: no such file of weights"),
    "a shard without": (
        indexed({"weight_map": {"more.weight": "part.safetensors"}}),
        r"part\.safetensors lacks more\.weight, which model\.safetensors\.index\.json says it holds",
    ),
    "no map": (indexed({"metadata": {}}), r"weight_map is missing"),
    "elsewhere": (indexed({"weight_map": {NORM: "../x.bin"}}), r"expected the name of a file beside it"),
    "no config": (
        lambda folder: (folder / "config.json").unlink(),
        r"config\.json: No such file .*expected the config",
    ),
    "broken config": (lambda folder: (folder / "config.json").write_text("{"), r"config\.json: not JSON"),
    "another model": (
        lambda folder: change_config(folder, model_type="bert"),
        r"config\.json: model_type is 'bert'; expected 't5'",
    ),
    "unknown activation": (
        lambda folder: change_config(folder, feed_forward_proj="gated-silu"),
        r"feed_forward_proj names an unknown activation 'gated-silu'; did you mean 'gated-gelu'\? Known: gated-gelu, ",
    ),
    "no size": (lambda folder: change_config(folder, d_ff=None), r"config\.json: d_ff is missing; expected a whole"),
    "no number": (lambda folder: change_config(folder, d_kv="8"), r"config\.json: d_kv is '8'; expected a whole"),
    "another epsilon": (lambda folder: change_config(folder, layer_norm_epsilon=1e-5), r"expected 1e-06, as in every"),
    "another start": (
        lambda folder: change_config(folder, decoder_start_token_id=2),
        r"decoder_start_token_id is 2; ex",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_folder_that_is_at_fault(folder: Path, fault: str) -> None:
    change, message = FAULTS[fault]
    change(folder)
    reader = t5_reader()
    before = {name: p.detach().clone() for name, p in reader.named_parameters()}
    with pytest.raises(CheckpointError, match=message) as caught:
        load_t5(reader, folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    assert all(torch.equal(p, before[name]) for name, p in reader.named_parameters())


@pytest.mark.parametrize(
    ("reader", "message"),
    [
        (
            lambda: t5_reader(vocabulary=58),
            r"reader: tokenizer\.vocabulary = 60 and not 58; set tokenizer\.vocabulary=60; null starts",
        ),
        (
            lambda: t5_reader("1.0"),
            r"encoder\.activation = gated_gelu and not relu, decoder\.activation = gated_gelu and not relu, "
            r"decoder\.tie_output = False and not True; set .* decoder\.tie_output=false;",
        ),
        (lambda: t5_reader(layers=6, live=6), r"encoder\.layers = 4 and not 6; set encoder\.layers=4;"),
        (lambda: t5_reader(decoder={"width": 16}), r"decoder\.width = 32 and not 16; set decoder\.width=32;"),
        (lambda: t5_reader(encoder_options={"max_distance": 64}), r"encoder\.max_distance = 128 and not 64"),
    ],
)
def test_a_reader_of_other_sizes_is_told_which(folder: Path, reader: Callable[[], Reader], message: str) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        initialise(reader(), str(folder))
    assert str(caught.value).startswith(f"trainer.initialise={folder}: ")


def test_what_is_to_start_anew_is_left_out_and_may_have_another_shape(folder: Path) -> None:
    reader = t5_reader(decoder={"width": 16, "layers": DECODER_LAYERS + 1, "feed_forward": 24})
    before = {name: p.detach().clone() for name, p in reader.named_parameters()}
    load_t5(reader, folder, fresh=r"^decoder\.")
    kept = [name for name, p in reader.named_parameters() if torch.equal(p, before[name])]
    assert kept == [name for name in before if name.startswith("decoder.")]


def test_an_encoder_alone_has_no_decoder_to_give(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    encoder = {name: tensor for name, tensor in tensors.items() if not name.startswith(("decoder.", "lm_head."))}
    save_file(encoder, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"has no decoder; trainer\.fresh=\^decoder\\\. begins one anew"):
        load_t5(t5_reader(), folder)
    reader = t5_reader()
    load_t5(reader, folder, fresh=r"^decoder\.")
    assert torch.equal(reader.encoder.final_norm.weight, tensors["encoder.final_layer_norm.weight"])
