"""A text's vector is the normalised mean of transformers' states; MiniLM's own tell related sentences apart."""

import json
from pathlib import Path

import pytest
import torch
from bert_folders import MINILM, needs_minilm, random_bert
from small_readers import small_batch
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoModel, BertModel, BertTokenizerFast

from glimmer.data.hub import resolve_folder
from glimmer.data.tokenizers import TOKENIZERS, load_tokenizer
from glimmer.data.values import Tokens
from glimmer.errors import CheckpointError
from glimmer.models.huggingface.sentence import load_sentence_encoder

ROWS = small_batch((4, 2, 3)).passages
CLOSE = {"atol": 1e-5, "rtol": 1e-5}
MEAN = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random_bert().save_pretrained(tmp_path / "bert")
    (tmp_path / "bert" / "1_Pooling").mkdir()
    (tmp_path / "bert" / "1_Pooling" / "config.json").write_text(json.dumps(MEAN))
    return tmp_path / "bert"


def theirs(model: BertModel, rows: Tokens) -> Tensor:
    """The vectors by transformers, one text at a time."""
    with torch.no_grad():
        means = [
            model(ids[mask][None]).last_hidden_state.mean(1) for ids, mask in zip(rows.ids, rows.mask, strict=True)
        ]
    return F.normalize(torch.cat(means), dim=1)


def test_a_vector_is_the_mean_of_all_real_tokens_with_length_1(folder: Path) -> None:
    model = load_sentence_encoder(folder)
    assert not model.training
    vectors = model(ROWS)
    assert vectors.shape == (9, model.width)
    torch.testing.assert_close(vectors, theirs(random_bert(), ROWS), **CLOSE)


def test_a_row_of_padding_has_a_vector_of_zeros(folder: Path) -> None:
    rows = Tokens(torch.zeros(1, 3, dtype=torch.long), torch.zeros(1, 3, dtype=torch.bool))
    assert torch.equal(load_sentence_encoder(folder)(rows), torch.zeros(1, 32))


@pytest.mark.parametrize(
    ("pooling", "message"),
    [
        ({"pooling_mode_cls_token": True}, "expected the mean of all tokens alone, as a sentence encoder pools"),
        ({**MEAN, "pooling_mode_max_tokens": True}, "expected the mean of all tokens alone"),
        ({"pooling_mode": "lasttoken"}, "expected the mean of all tokens alone"),
        (None, r"1_Pooling/config\.json: No such file .*; expected how a sentence encoder pools"),
    ],
)
def test_what_pools_in_another_way_is_refused(folder: Path, pooling: object, message: str) -> None:
    path = folder / "1_Pooling" / "config.json"
    if pooling is None:
        path.unlink()
    else:
        path.write_text(json.dumps(pooling))
    with pytest.raises(CheckpointError, match=message):
        load_sentence_encoder(folder)


def test_a_layer_behind_the_mean_is_refused(folder: Path) -> None:
    (folder / "2_Dense").mkdir()
    with pytest.raises(CheckpointError, match="2_Dense: a layer behind the mean"):
        load_sentence_encoder(folder)


RELATED = [
    ("What is the capital of Ghana?", "Accra is the capital and largest city of Ghana."),
    ("Who wrote Hamlet?", "The tragedy of Hamlet was written by William Shakespeare around 1600."),
    ("How do vaccines work?", "A vaccine trains the immune system to recognise a pathogen."),
]


@needs_minilm
def test_minilms_vectors_are_transformers_and_related_texts_are_nearest() -> None:
    place = resolve_folder(MINILM)
    assert place is not None
    tokenizer = load_tokenizer(TOKENIZERS.configure("wordpiece", file=MINILM))
    texts = [text for pair in RELATED for text in pair]
    rows = Tokens.pad([tokenizer.passage_frame.put_round(tokenizer.encode(text), 64) for text in texts])
    with torch.no_grad():
        vectors = load_sentence_encoder(place)(rows)
    like, framed = AutoModel.from_pretrained(place), BertTokenizerFast.from_pretrained(place)
    assert [framed(text, padding=False)["input_ids"] for text in texts] == [
        ids[mask].tolist() for ids, mask in zip(rows.ids, rows.mask, strict=True)
    ]
    torch.testing.assert_close(vectors, theirs(like.eval(), rows), **CLOSE)
    cosines = vectors[0::2] @ vectors[1::2].T
    assert cosines.argmax(1).tolist() == [0, 1, 2]
    assert float(cosines.diag().min()) > 0.5 > float(cosines[~torch.eye(3, dtype=torch.bool)].max())
