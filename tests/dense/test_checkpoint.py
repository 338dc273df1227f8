"""An encoder of texts is what its folder says: transformers' states, pooled, projected, normalised."""

from pathlib import Path

import pytest
import torch
from bert_folders import MINILM, needs_minilm
from safetensors.torch import save_file
from small_readers import small_batch, small_reader
from t5_folders import random_t5, save
from text_encoder_folders import DENSE, bert_folder, gtr_folder, write_json, write_tokenizer
from torch.nn import functional as F
from transformers import AutoModel, BertModel, BertTokenizerFast, T5EncoderModel

from glimmer.data.hub import resolve_folder
from glimmer.data.tokenizers import TOKENIZERS
from glimmer.data.values import Tokens
from glimmer.dense.checkpoint import Checkpoint, read_checkpoint, read_own
from glimmer.dense.embedder import Embedder
from glimmer.errors import CheckpointError, DataError
from glimmer.models.encoders import ENCODERS
from glimmer.models.weights import save_weights

RELATED = [
    ("What is the capital of Ghana?", "Accra is the capital and largest city of Ghana."),
    ("Who wrote Hamlet?", "The tragedy of Hamlet was written by William Shakespeare around 1600."),
    ("How do vaccines work?", "A vaccine trains the immune system to recognise a pathogen."),
]
TOKENS = small_batch((4, 2, 3)).passages


@pytest.fixture
def gtr(tmp_path: Path) -> Path:
    return gtr_folder(tmp_path / "gtr")


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    return bert_folder(tmp_path / "bert")


def test_gtrs_vectors_are_the_projected_mean_of_length_1(gtr: Path) -> None:
    theirs = T5EncoderModel.from_pretrained(gtr).eval()
    weight = torch.load(gtr / "2_Dense" / "pytorch_model.bin")["linear.weight"]
    with torch.no_grad():
        states = theirs(input_ids=TOKENS.ids, attention_mask=TOKENS.mask.long()).last_hidden_state
        means = torch.stack([row[mask].mean(0) for row, mask in zip(states, TOKENS.mask, strict=True)])
        found = read_checkpoint(str(gtr)).model(TOKENS)
    torch.testing.assert_close(found, F.normalize(means @ weight.T, dim=1), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("word", "length1"), [("mean_tokens", True), ("cls_token", False)])
def test_a_berts_vectors_are_pooled_as_its_modules_say(bert: Path, word: str, length1: bool) -> None:
    write_json(bert / "1_Pooling" / "config.json", {f"pooling_mode_{word}": True, "pooling_mode_max_tokens": False})
    modules = ["Transformer", "Pooling", *(["Normalize"] if length1 else [])]
    paths = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    write_json(bert / "modules.json", [{"type": f"a.models.{kind}", "path": paths[kind]} for kind in modules])
    write_json(bert / "sentence_bert_config.json", {"max_seq_length": 17})
    theirs = BertModel.from_pretrained(bert).eval()
    made = read_checkpoint(str(bert))
    with torch.no_grad():
        states = theirs(input_ids=TOKENS.ids, attention_mask=TOKENS.mask.long()).last_hidden_state
        rows = zip(states, TOKENS.mask, strict=True)
        wanted = torch.stack([row[mask].mean(0) if word == "mean_tokens" else row[0] for row, mask in rows])
        wanted = F.normalize(wanted, dim=1) if length1 else wanted
        torch.testing.assert_close(made.model(TOKENS), wanted, atol=1e-5, rtol=1e-5)
    assert made.tokens == 17


def test_options_go_before_what_the_folder_says(bert: Path) -> None:
    made = read_checkpoint(str(bert), pooling="first", normalise=False)
    assert (made.model.pooling, made.model.normalise) == ("first", False)
    said = read_checkpoint(str(bert))
    assert (said.model.pooling, said.model.normalise, said.tokens) == ("mean", True, 512)


def test_a_decoder_beside_the_encoder_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = save(random_t5("1.1", vocab_size=write_tokenizer(tmp_path / "whole")), tmp_path / "whole")
    assert read_checkpoint(str(whole)).model(TOKENS).shape == (9, 32)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}, r"mean_tokens or cls_token, found max_tokens"),
        ("1_Pooling/config.json", {}, "expected one way of pooling, mean_tokens or cls_token, found none"),
        ("1_Pooling/config.json", {"pooling_mode": "max"}, "mean_tokens or cls_token, found max"),
        ("1_Pooling/config.json", None, "expected how states are pooled"),
        ("2_Dense/config.json", {**DENSE, "bias": True}, "expected no bias and no activation"),
        (
            "2_Dense/config.json",
            {**DENSE, "activation_function": "torch.nn.modules.activation.Tanh"},
            "expected no bias",
        ),
        (
            "2_Dense/config.json",
            {**DENSE, "out_features": 9},
            r"expected linear\.weight \(9, 32\), found .* \(20, 32\)",
        ),
        ("2_Dense/config.json", None, "expected the linear map behind the pooling"),
        ("config.json", None, r"gtr.config\.json: .*expected the configuration of a T5 or a BERT"),
        (
            "config.json",
            {"model_type": "berd"},
            r"model_type is 'berd'; did you mean 'bert'\? Known: bert, t5",
        ),
        (
            "sentence_bert_config.json",
            {"max_seq_length": 0},
            r"max_seq_length is 0; expected a whole number of at least",
        ),
        ("modules.json", {}, r"modules\.json: expected Transformer, then one of: Pooling; .*found none"),
        ("modules.json", [{"type": "WordWeights"}], r"modules\.json: expected a list of modules with type and path"),
        (
            "modules.json",
            [{"type": "a.Transformer", "path": ""}, {"type": "a.WordWeights", "path": "1"}],
            r"modules\.json: expected Transformer, then one of: .*; found Transformer, WordWeights",
        ),
        ("tokenizer.json", None, r"holds no tokenizer"),
    ],
)
def test_a_folder_that_cannot_be_read(gtr: Path, file: str, content: object, message: str) -> None:
    if content is None:
        (gtr / file).unlink()
    else:
        write_json(gtr / file, content)
    with pytest.raises((CheckpointError, DataError), match=message):
        read_checkpoint(str(gtr))


def test_a_projection_of_another_width(gtr: Path) -> None:
    save_file({"linear.weight": torch.zeros(20, 31)}, gtr / "2_Dense" / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"2_Dense: expected linear\.weight \(20, 32\), found .* \(20, 31\)"):
        read_checkpoint(str(gtr))


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"none: no such folder; expected as weights of a dense retriever that of"
    ):
        read_checkpoint(str(tmp_path / "none"))


def own(path: Path, folder: Path, **options: int) -> Checkpoint:
    config = ENCODERS.configure("t5", **({"layers": 4, "width": 32, "heads": 4, "head_width": 8} | options))
    return read_own(str(path), config, TOKENIZERS.configure("huggingface", file=str(folder)), None, None)


def test_the_encoder_of_a_reader_makes_vectors_of_its_own(gtr: Path, tmp_path: Path) -> None:
    vocabulary = TOKENIZERS.build(TOKENIZERS.configure("huggingface", file=str(gtr))).vocabulary
    reader = small_reader(vocabulary=vocabulary, live=0, rerank=0, reranker="none")
    save_weights(reader, tmp_path / "weights.safetensors")
    with torch.no_grad():
        states = reader.encoder.finish(reader.encoder.run(reader.encoder.embed(TOKENS), 0, 4, None)).values
        means = torch.stack([row[mask].mean(0) for row, mask in zip(states, TOKENS.mask, strict=True)])
        for source in (tmp_path, tmp_path / "weights.safetensors"):
            found = own(source, gtr, feed_forward=48).model(TOKENS)
            torch.testing.assert_close(found, F.normalize(means, dim=1), atol=1e-5, rtol=1e-5)
    with pytest.raises(CheckpointError, match=r"weights\.safetensors does not fit .*misshapen: encoder\.blocks"):
        own(tmp_path, gtr, feed_forward=40)
    with pytest.raises(CheckpointError, match=r"none/x: no such file of weights"):
        own(tmp_path / "none" / "x", gtr)


def test_a_tokenizer_with_more_ids_than_the_encoder(bert: Path, gtr: Path) -> None:
    ids = read_checkpoint(str(bert)).tokenizer.vocabulary
    assert ids > read_checkpoint(str(gtr)).tokenizer.vocabulary == 81
    with pytest.raises(CheckpointError, match=rf"gtr has vectors for 81 ids, and its tokenizer has {ids}"):
        read_checkpoint(str(gtr), TOKENIZERS.configure("wordpiece", file=str(bert)))


def test_a_row_of_padding_has_a_vector_of_zeros(bert: Path, gtr: Path) -> None:
    rows = Tokens(torch.zeros(1, 3, dtype=torch.long), torch.zeros(1, 3, dtype=torch.bool))
    for folder in (bert, gtr):
        model = read_checkpoint(str(folder)).model
        with torch.no_grad():
            assert torch.equal(model(rows), torch.zeros(1, model.width))


@needs_minilm
def test_minilms_vectors_are_transformers_and_related_texts_are_nearest() -> None:
    place = resolve_folder(MINILM)
    assert place is not None
    made = read_checkpoint(MINILM)
    texts = [text for pair in RELATED for text in pair]
    like, framed = AutoModel.from_pretrained(place).eval(), BertTokenizerFast.from_pretrained(place)
    embedder = Embedder(made.model, made.tokenizer)
    assert [embedder.ids(text, 64) for text in texts] == [framed(text, padding=False)["input_ids"] for text in texts]
    vectors = embedder(texts, 64)
    with torch.no_grad():
        alone = [like(**framed(text, padding=False, return_tensors="pt")).last_hidden_state.mean(1) for text in texts]
    torch.testing.assert_close(vectors, F.normalize(torch.cat(alone), dim=1), atol=1e-5, rtol=1e-5)
    cosines = vectors[0::2] @ vectors[1::2].T
    assert cosines.argmax(1).tolist() == [0, 1, 2]
    assert float(cosines.diag().min()) > 0.5 > float(cosines[~torch.eye(3, dtype=torch.bool)].max())
