"""T5's tokenizer from elsewhere: the ids of transformers and of SentencePiece, T5's sentinels, clear refusals."""

import pickle
import sys
from pathlib import Path

import pytest
import sentencepiece
from tokenizers import Tokenizer as Library
from tokenizers import models
from transformers import PreTrainedTokenizerFast, T5Tokenizer

from glimmer.data.tokenizers import TOKENIZERS, load_tokenizer, sentinel_text, train_tokenizer
from glimmer.data.tokenizers.huggingface import HuggingFaceTokenizer
from glimmer.errors import ConfigError, DataError

TEXTS = [
    "question: What is the capital of Ghana? context: Accra is the capital of Ghana.",
    "  two  spaces,\ta tab\nand a line ",
    "Ｆｕｌｌ ｗｉｄｔｈ, ﬁgures Ⅳ and café",
    "日本 and emoji 🙂",
    "unheard-of ΩЖ",
    "Thank you <extra_id_0> me to your party <extra_id_1> week.",
    "",
]
PIECES = 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ``spiece.model`` of T5's layout."""
    made = tmp_path_factory.mktemp("t5")
    lines = [f"The capital of Land{i} is Town{i}; it has {i * 7} rivers, of which some are long." for i in range(200)]
    (made / "text.txt").write_text("\n".join([*lines, *TEXTS[:4]]))
    sentencepiece.SentencePieceTrainer.train(
        input=str(made / "text.txt"),
        model_prefix=str(made / "spiece"),
        vocab_size=PIECES,
        model_type="unigram",
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        character_coverage=1.0,
        minloglevel=2,
    )
    return made


def tokenizer(file: Path, **options: int) -> HuggingFaceTokenizer:
    made = load_tokenizer(TOKENIZERS.configure("huggingface", file=str(file), **options))
    assert isinstance(made, HuggingFaceTokenizer)
    return made


@pytest.mark.parametrize("text", TEXTS)
def test_a_spiece_model_gives_the_ids_of_sentencepiece_and_of_transformers(folder: Path, text: str) -> None:
    made, theirs = tokenizer(folder), T5Tokenizer.from_pretrained(folder)
    assert made.encode(text) == theirs(text, add_special_tokens=False)["input_ids"]
    if "ΩЖ" in text:
        assert made.unk_id in made.encode(text)
    elif "extra_id" not in text:
        library = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))
        assert made.encode(text) == library.encode(text)
        assert made.unk_id not in made.encode(text)
        assert made.decode(made.encode(text)) == library.decode(made.encode(text))


@pytest.mark.parametrize("text", TEXTS)
def test_a_tokenizer_json_gives_the_ids_of_transformers(folder: Path, tmp_path: Path, text: str) -> None:
    theirs = T5Tokenizer.from_pretrained(folder)
    theirs.save_pretrained(tmp_path)
    made = tokenizer(tmp_path / "tokenizer.json")
    assert made.encode(text) == theirs(text, add_special_tokens=False)["input_ids"]
    assert (
        made.decode([*made.encode(text), 1, 0, 0]) == theirs.decode(made.encode(text), skip_special_tokens=True).strip()
    )


def test_sentinels_are_the_last_ids_the_first_one_last(folder: Path) -> None:
    made = tokenizer(folder)
    assert (made.sentinels, made.vocabulary) == (100, PIECES + 100)
    for i in (0, 1, 99):
        assert made.encode(sentinel_text(i)) == [PIECES + 99 - i]
        assert made.encode(f"a {sentinel_text(i)} b").count(PIECES + 99 - i) == 1


def test_the_embedding_may_have_more_rows_than_there_are_ids(folder: Path) -> None:
    made = tokenizer(folder, vocabulary=PIECES + 128)
    assert made.vocabulary == PIECES + 128
    assert made.encode(sentinel_text(0)) == [PIECES + 99]
    assert made.decode([*made.encode("The capital"), PIECES + 127, 1, 0]) == "The capital"
    with pytest.raises(ConfigError, match=rf"tokenizer\.vocabulary = 250 is fewer than the {PIECES + 100} ids of "):
        tokenizer(folder, vocabulary=250)


def test_what_is_saved_is_the_same_tokenizer(folder: Path, tmp_path: Path) -> None:
    made = tokenizer(folder)
    made.save(tmp_path / "tokenizer.json")
    again = tokenizer(tmp_path / "tokenizer.json")
    assert again.fingerprint() == made.fingerprint()
    for text in TEXTS:
        assert again.encode(text) == made.encode(text)
        assert pickle.loads(pickle.dumps(made)).encode(text) == made.encode(text)
    PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))


def test_without_sentencepiece_its_file_cannot_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece.sentencepiece_model_pb2", None)
    with pytest.raises(
        ConfigError, match=r"spiece\.model: needs the extra 'sentencepiece' \(pip install 'glimmer\[sen"
    ):
        tokenizer(folder)


def test_what_is_no_tokenizer_of_t5_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no tokenizer; expected tokenizer\.json or spiece\.model"):
        tokenizer(tmp_path)
    with pytest.raises(DataError, match="No such file or directory; expected the file of a tokenizer"):
        tokenizer(tmp_path / "tokenizer.json")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(DataError, match="not a tokenizer file, or a damaged one"):
        tokenizer(tmp_path / "tokenizer.json")
    other = Library(models.WordLevel({"[CLS]": 0, "a": 1, "<unk>": 2}, unk_token="<unk>"))
    other.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(
        DataError, match=r"expected the ids 0, 1, 2 to be <pad>, </s>, <unk>, as T5 has them, found \[CLS"
    ):
        tokenizer(tmp_path / "tokenizer.json")
    (tmp_path / "spiece.model").write_bytes(b"\xff\xff\xff")
    with pytest.raises(DataError, match="not a SentencePiece model, or a damaged one"):
        tokenizer(tmp_path / "spiece.model")


def test_it_is_not_trained() -> None:
    with pytest.raises(ConfigError, match=r"tokenizer=huggingface is not trained here; tokenizer\.file names"):
        train_tokenizer(TOKENIZERS.configure("huggingface"), ["text"])
