"""BERT's tokenizer: the ids of transformers, what stands round a text, sentinels, readable text, clear refusals."""

import json
import pickle
from pathlib import Path

import pytest
from bert_folders import MINILM, PIECES, needs_minilm, write_wordpiece
from tokenizers import Tokenizer as Library
from tokenizers import models
from transformers import BertTokenizerFast

from glimmer.data.hub import resolve_folder
from glimmer.data.tokenizers import TOKENIZERS, load_tokenizer, sentinel_text, train_tokenizer
from glimmer.data.tokenizers.wordpiece import WordPieceTokenizer
from glimmer.errors import ConfigError, DataError

TEXTS = [
    "What is the capital of Landa?",
    "  The   LONG river:\ta-b\n",
    "Towns. Ω land 日本",
    "the rivers of the land are long and the town is what the capital is, or so they say of it",
    "the [SEP] land [MASK]",
    "",
]
REAL = [
    'When was Barack Obama\'s memoir "Dreams from My Father" first published?',
    "Area - total: 5,321.7 sq km (2023 est.); Nevado del Ruiz is an active volcano in Colombia, 11.1% of it ice.",
    "Côte d'Ivoire, Curaçao and the Åland Islands; naïve café 日本 🙂",
    "subject [SEP] relation",
    "antidisestablishmentarianism " * 90,
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wordpiece(tmp_path_factory.mktemp("bert") / "tokenizer.json")


def tokenizer(file: Path | str, **options: int) -> WordPieceTokenizer:
    made = load_tokenizer(TOKENIZERS.configure("wordpiece", file=str(file), **options))
    assert isinstance(made, WordPieceTokenizer)
    return made


def assert_ids_are_theirs(made: WordPieceTokenizer, theirs: BertTokenizerFast, text: str) -> None:
    ids = theirs(text, truncation=False, padding=False, add_special_tokens=False, verbose=False)["input_ids"]
    assert made.encode(text) == ids
    framed = theirs(text, truncation=False, padding=False, verbose=False)["input_ids"]
    for frame in (made.question_frame, made.passage_frame):
        assert frame.put_round(made.encode(text), len(framed)) == framed


@pytest.mark.parametrize("text", TEXTS)
def test_ids_are_those_of_transformers_uncut_and_unpadded(file: Path, text: str) -> None:
    assert_ids_are_theirs(tokenizer(file), BertTokenizerFast(vocab={piece: i for i, piece in enumerate(PIECES)}), text)


@needs_minilm
def test_real_ids_are_those_of_transformers() -> None:
    made, theirs = tokenizer(MINILM), BertTokenizerFast.from_pretrained(resolve_folder(MINILM))
    assert (made.vocabulary, made.pad_id, made.unk_id, made.eos_id) == (30522, 0, 100, 102)
    for text in REAL:
        assert_ids_are_theirs(made, theirs, text)
    assert made.decode(made.encode(REAL[1])).startswith("area-total: 5,321.7 sq km (2023 est.); nevado del ruiz is an")
    assert made.unk_id not in [i for i in made.encode(REAL[2]) if i != made.encode("🙂")[0]]
    assert made.sentinels == 994


def test_special_ids_are_found_by_their_text(file: Path) -> None:
    made = tokenizer(file)
    assert made.pad_id == PIECES.index("[PAD]")
    assert made.eos_id == PIECES.index("[SEP]")
    assert made.unk_id == PIECES.index("[UNK]")
    assert made.unk_id in made.encode("Ω")
    frame = ((PIECES.index("[CLS]"),), (PIECES.index("[SEP]"),))
    for found in (made.question_frame, made.passage_frame):
        assert (found.before, found.after) == frame


def test_a_text_that_is_too_long_keeps_its_frame(file: Path) -> None:
    frame = tokenizer(file).passage_frame
    start, end = frame.before[0], frame.after[0]
    assert frame.put_round([50, 51, 52], 4) == [start, 50, 51, end]
    assert frame.put_round([50, 51], 4) == [start, 50, 51, end]
    assert frame.put_round([], 4) == [start, end]


def test_sentinels_are_the_unused_pieces_and_have_one_id_each(file: Path) -> None:
    made = tokenizer(file)
    assert made.sentinels == 30
    assert [made.encode(sentinel_text(i)) for i in (0, 29)] == [
        [PIECES.index("[unused0]")],
        [PIECES.index("[unused29]")],
    ]
    assert made.encode(f"the {sentinel_text(3)} of{sentinel_text(4)}") == [
        PIECES.index(piece) for piece in ("the", "[unused3]", "of", "[unused4]")
    ]
    assert len(made.encode(sentinel_text(30))) > 1


def test_text_returns_in_lower_case_without_special_ids(file: Path) -> None:
    made = tokenizer(file)
    ids = made.passage_frame.put_round(made.encode(f"The Towns of {sentinel_text(0)} Land: long-town?"), 99)
    assert made.decode([*ids, made.pad_id, len(PIECES) + 5]) == "the towns of land: long-town?"
    assert made.decode(made.encode("Ω")) == ""


def test_the_embedding_may_have_more_rows_than_there_are_ids(file: Path) -> None:
    assert tokenizer(file).vocabulary == len(PIECES)
    assert tokenizer(file, vocabulary=200).vocabulary == 200
    with pytest.raises(ConfigError, match=rf"tokenizer\.vocabulary = 50 is fewer than the {len(PIECES)} ids of "):
        tokenizer(file, vocabulary=50)


def test_what_is_saved_is_the_same_tokenizer(file: Path, tmp_path: Path) -> None:
    made = tokenizer(file.parent)
    made.save(tmp_path / "tokenizer.json")
    again = tokenizer(tmp_path / "tokenizer.json")
    assert again.fingerprint() == made.fingerprint() == pickle.loads(pickle.dumps(made)).fingerprint()
    for text in TEXTS:
        assert again.encode(text) == made.encode(text)


def test_the_fingerprint_tells_other_frames_apart(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = tokenizer(file)
    before = made.fingerprint()
    monkeypatch.setattr(made, "eos_id", made.eos_id + 1)
    assert made.fingerprint() != before


def test_what_is_no_tokenizer_of_bert_is_refused(tmp_path: Path, file: Path) -> None:
    with pytest.raises(ConfigError, match=r"tokenizer\.file is null; expected a checkpoint's folder, its tokenizer\.j"):
        load_tokenizer(TOKENIZERS.configure("wordpiece"))
    with pytest.raises(DataError, match=r"holds no tokenizer; expected tokenizer\.json$"):
        tokenizer(tmp_path)
    other = Library(models.WordLevel({"[CLS]": 0, "a": 1, "[UNK]": 2}, unk_token="[UNK]"))
    other.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(DataError, match=r"expected a WordPiece with .* this one is a WordLevel without \[PAD\], \[SEP"):
        tokenizer(tmp_path)
    content = json.loads(file.read_text())
    content["model"]["vocab"]["[sep]"] = content["model"]["vocab"].pop("[SEP]")
    content["added_tokens"] = []
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"this one is a WordPiece without \[SEP\]$"):
        tokenizer(tmp_path)


def test_it_is_not_trained() -> None:
    with pytest.raises(ConfigError, match=r"tokenizer=wordpiece is not trained here; tokenizer\.file names"):
        train_tokenizer(TOKENIZERS.configure("wordpiece"), ["text"])
