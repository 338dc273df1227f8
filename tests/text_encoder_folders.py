"""Tiny random encoders of texts, saved by transformers in a folder with tokenizer, pooling and projection."""

import json
from pathlib import Path
from typing import Any

import torch
from bert_folders import PIECES, random_bert, write_wordpiece
from t5_folders import random_t5
from transformers import T5EncoderModel

from glimmer.data.tokenizers import TOKENIZERS, train_tokenizer
from glimmer.data.values import Passage

DENSE = {
    "in_features": 32,
    "out_features": 20,
    "bias": False,
    "activation_function": "torch.nn.modules.linear.Identity",
}
TEXTS = [
    "The lake is deep and cold.",
    "Rivers run to the sea",
    "A city on two rivers, whose name is older than its walls, stands where the hills end",
    "Salt",
    "The tallest hill of the island is a sleeping volcano",
    "Bread and salt are given to guests",
    "Nobody knows how deep the lake is, though many have let down a line and drawn it up again without an end",
]
PASSAGES = [Passage(f"p{row}", f"Page {row % 3}" if row % 4 else "", text) for row, text in enumerate(TEXTS)]


def write_tokenizer(folder: Path) -> int:
    """Train and write ``tokenizer.json``; returns how many ids it has."""
    tokenizer = train_tokenizer(TOKENIZERS.configure("bpe", vocabulary=300, sentinels=4), TEXTS)
    tokenizer.save(folder / "tokenizer.json")
    return tokenizer.vocabulary


def gtr_folder(folder: Path, seed: int = 0) -> Path:
    """A folder in GTR's layout."""
    vocabulary = write_tokenizer(folder)
    model = random_t5("1.0", seed, vocab_size=vocabulary)
    encoder = T5EncoderModel(model.config)
    encoder.load_state_dict(model.state_dict(), strict=False)
    encoder.save_pretrained(folder)
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True})
    write_json(folder / "2_Dense" / "config.json", DENSE)
    weight = torch.randn(20, 32, generator=torch.Generator().manual_seed(seed + 4))
    torch.save({"linear.weight": weight}, folder / "2_Dense" / "pytorch_model.bin")
    return folder


def bert_folder(folder: Path, positions: int = 64) -> Path:
    """A BERT in a folder that says nothing of its vectors."""
    random_bert(vocab_size=len(PIECES), max_position_embeddings=positions).save_pretrained(folder)
    write_wordpiece(folder / "tokenizer.json")
    return folder


def write_json(path: Path, content: Any) -> None:
    """Write a file of the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
