"""The tokenizer: T5's layout of ids, round trips, determinism, broken files."""

import json
from pathlib import Path
from typing import Any

import pytest

from glimmer.data.tokenizers import TOKENIZERS, Tokenizer, load_tokenizer, sentinel_text, train_tokenizer
from glimmer.errors import ConfigError, DataError

TEXTS = [
    'Area - total: 5,321.7 sq km (2023 est.); the "Ruiz" volcano is 11.1% of U.S.-owned land.',
    "Curaçao and Côte d'Ivoire are countries; thank you for inviting me to your party last week.",
    "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789",
] * 3


def trained(**options: Any) -> Tokenizer:
    return train_tokenizer(TOKENIZERS.configure("bpe", **{"vocabulary": 400, **options}), TEXTS)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return trained()


def test_special_ids_are_first_and_sentinels_last(tokenizer: Tokenizer) -> None:
    assert (tokenizer.pad_id, tokenizer.eos_id, tokenizer.unk_id) == (0, 1, 2)
    assert tokenizer.sentinels == 32
    last = tokenizer.vocabulary - 1
    assert [tokenizer.encode(sentinel_text(i)) for i in (0, 31)] == [[last], [last - 31]]


def test_vocabulary_is_at_most_what_was_asked() -> None:
    assert trained(vocabulary=300).vocabulary <= 300


@pytest.mark.parametrize("text", TEXTS[:3])
def test_text_returns_without_case_and_accents(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text.lower().replace("ç", "c").replace("ô", "o")


@pytest.mark.parametrize("text", TEXTS[:3])
def test_text_returns_whole_when_nothing_is_dropped(text: str) -> None:
    keeping = trained(lower_case=False, strip_accents=False)
    assert keeping.decode(keeping.encode(text)) == text


def test_white_space_is_one_space(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("  two\n\t words ") == tokenizer.encode("two words")
    assert tokenizer.encode("") == tokenizer.encode(" ") == []


def test_a_word_has_the_same_pieces_anywhere(tokenizer: Tokenizer) -> None:
    word = tokenizer.encode("volcano")
    assert tokenizer.encode("the volcano") == tokenizer.encode("the") + word
    assert tokenizer.encode("volcano 12") == word + tokenizer.encode("12")


def test_merges_never_cross_words_numbers_or_marks(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("week.") == [*tokenizer.encode("week"), tokenizer.encode("U.S.")[-1]]


def test_sentinels_in_text_become_ids_and_special_words_do_not(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(f"thank {sentinel_text(0)} to {sentinel_text(5)}")
    thank, to = tokenizer.encode("thank"), tokenizer.encode("to")
    assert ids == [*thank, tokenizer.vocabulary - 1, *to, tokenizer.vocabulary - 6]
    assert tokenizer.decode(ids) == "thank to"
    assert tokenizer.eos_id not in tokenizer.encode("</s>")
    assert tokenizer.pad_id not in tokenizer.encode("<pad>")


def test_unseen_characters_are_unknown_and_left_out(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("week 漢")
    assert tokenizer.unk_id in ids
    assert tokenizer.decode([0, *ids, 1]) == "week"


def test_training_is_deterministic_and_the_fingerprint_tells_options_apart(tokenizer: Tokenizer) -> None:
    assert trained().fingerprint() == tokenizer.fingerprint()
    assert trained(lower_case=False).fingerprint() != tokenizer.fingerprint()


def test_a_saved_tokenizer_is_the_same(tokenizer: Tokenizer, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "tokenizer.json"
    tokenizer.save(file)
    loaded = load_tokenizer(TOKENIZERS.configure("bpe", file=str(file)))
    assert loaded.fingerprint() == tokenizer.fingerprint()
    assert loaded.encode(TEXTS[0]) == tokenizer.encode(TEXTS[0])
    assert [path.name for path in file.parent.iterdir()] == ["tokenizer.json"]


def test_missing_and_damaged_files_are_named(tokenizer: Tokenizer, tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    config = TOKENIZERS.configure("bpe", file=str(file))
    with pytest.raises(DataError, match=r"tokenizer\.json: No such file"):
        load_tokenizer(config)
    tokenizer.save(file)
    content = file.read_text(encoding="utf-8")
    file.write_text(content[: len(content) // 2], encoding="utf-8")
    with pytest.raises(DataError, match=r"tokenizer\.json: not a tokenizer file"):
        load_tokenizer(config)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not UTF-8"):
        load_tokenizer(config)
    other = json.loads(content)
    other["model"]["vocab"]["<pad>"], other["model"]["vocab"]["</s>"] = 1, 0
    file.write_text(json.dumps(other), encoding="utf-8")
    with pytest.raises(DataError, match="expected the ids 0, 1, 2"):
        load_tokenizer(config)


def test_options_that_cannot_work_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"vocabulary must be at least 291"):
        TOKENIZERS.configure("bpe", vocabulary=100)
    with pytest.raises(ConfigError, match=r"tokenizer\.file is null"):
        load_tokenizer(TOKENIZERS.configure("bpe"))
    with pytest.raises(DataError, match="without text"):
        train_tokenizer(TOKENIZERS.configure("bpe"), [])
