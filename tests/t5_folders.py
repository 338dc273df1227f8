"""Tiny random T5s, made and saved by transformers, and batches of token ids for both sides."""

import json
from pathlib import Path
from typing import Any

import torch
from small_readers import VOCABULARY, WIDTH, small_reader
from torch import Tensor, nn
from transformers import T5Config, T5ForConditionalGeneration
from transformers.utils import logging

from glimmer.data.values import Batch
from glimmer.models.reader import Reader

logging.disable_progress_bar()

LAYERS, DECODER_LAYERS = 4, 2
KINDS: dict[str, dict[str, Any]] = {
    "1.0": {"feed_forward_proj": "relu", "tie_word_embeddings": True},
    "1.1": {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
}
"""T5 1.0; T5 1.1, which FLAN-T5 is too."""
OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "1.0": ({"activation": "relu"}, {"activation": "relu", "tie_output": True}),
    "1.1": ({}, {}),
}
"""The same in our encoder's and decoder's options."""


def random_t5(kind: str, seed: int = 0, **changes: Any) -> T5ForConditionalGeneration:
    """A T5 in evaluation mode: no tensor is 0 or 1 throughout, and its answers do not repeat one token."""
    sizes = {"vocab_size": VOCABULARY, "d_model": WIDTH, "d_kv": 8, "d_ff": 48, "num_heads": 4, "dropout_rate": 0.0}
    sizes |= {"num_layers": LAYERS, "num_decoder_layers": DECODER_LAYERS, "decoder_start_token_id": 0}
    model = T5ForConditionalGeneration(T5Config(**(sizes | KINDS[kind] | changes)))
    if kind == "1.1":
        model.lm_head.weight = nn.Parameter(torch.empty_like(model.shared.weight))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(noise * parameter.shape[-1] ** -0.5 if parameter.dim() > 1 else 1 + 0.3 * noise)
    return model.eval()


def save(model: T5ForConditionalGeneration, folder: Path, form: str = "safetensors") -> Path:
    """Save ``model`` as one file or several (``sharded``), of safetensors or of ``bin``."""
    sharded, binary = "sharded" in form, "bin" in form
    model.save_pretrained(folder, **({"max_shard_size": "20KB"} if sharded and not binary else {}))
    tie = model.config.scale_decoder_outputs
    change_config(folder, tie_word_embeddings=tie, scale_decoder_outputs=None)  # as the published ones say it
    if binary:
        (folder / "model.safetensors").unlink()
        tensors = dict(model.state_dict())
        if not sharded:
            torch.save(tensors, folder / "pytorch_model.bin")
            return folder
        names = list(tensors)
        files = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]
        places = {name: files[i >= len(names) // 2] for i, name in enumerate(names)}
        for file in files:
            torch.save({n: t.clone() for n, t in tensors.items() if places[n] == file}, folder / file)
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}))
    return folder


def change_config(folder: Path, **changes: Any) -> None:
    """Set keys of ``config.json``; None takes one away."""
    path = folder / "config.json"
    config = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


def t5_reader(kind: str = "1.1", live: int = LAYERS, **changes: Any) -> Reader:
    """A reader of the sizes of ``random_t5``; FiD without a reranker where nothing else is said."""
    encoder, decoder = OPTIONS[kind]
    options: dict[str, Any] = {"reranker": "none", "rerank": 0, "seed": 9}
    options |= {"encoder_options": {"dropout": 0.0, **encoder}, "layers": LAYERS, "live": live}
    options["decoder_options"] = {"dropout": 0.0, **decoder, **changes.pop("decoder", {})}
    return small_reader(**(options | changes))


def joined(batch: Batch, row: int) -> list[Tensor]:
    """The token ids of a question joined with each of its passages."""
    question = batch.questions.ids[row][batch.questions.mask[row]]
    passages = [p for p in batch.index[row].tolist() if p >= 0]
    return [torch.cat([question, batch.passages.ids[p][batch.passages.mask[p]]]) for p in passages]


def encoded(model: T5ForConditionalGeneration, batch: Batch) -> tuple[Tensor, Tensor]:
    """What transformers makes of joined inputs, padded, then laid side by side: states ``[B, S, D]`` and their mask."""
    rows = []
    for row in range(len(batch.ids)):
        texts = joined(batch, row)
        ids = nn.utils.rnn.pad_sequence(texts, batch_first=True)
        mask = nn.utils.rnn.pad_sequence([torch.ones_like(text) for text in texts], batch_first=True)
        states = model.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        rows.append(states[mask.bool()])
    lengths = torch.tensor([len(row) for row in rows])
    values = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return values, (torch.arange(values.shape[1]) < lengths[:, None]).long()
