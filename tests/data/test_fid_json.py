"""FiD's JSON reads back equal, in either form; a broken example is named by its line."""

import json
from pathlib import Path
from typing import Any

import pytest

from glimmer.data import json_array
from glimmer.data.fid_json import FidContext, FidExample, read_fid, write_fid
from glimmer.errors import DataError

EXAMPLES = [
    FidExample("a", 'Who "é"?', ("I", "me"), (FidContext("T", "te\nxt", "7", 1.5), FidContext("", "more", "8", -2.0))),
    FidExample("b", "What?", (), (FidContext("T", "text"),), target="it"),
    FidExample("c", "Nothing?", ("x",), ()),
]
GOOD: dict[str, Any] = {"id": "a", "question": "Who?", "answers": ["I"], "ctxs": [{"title": "T", "text": "t"}]}


def read(path: Path) -> list[FidExample]:
    return [example for _, example in read_fid(path)]


@pytest.mark.parametrize("name", ["q.json", "q.jsonl", "q.json.gz", "q.jsonl.gz"])
def test_examples_read_back_equal(tmp_path: Path, name: str) -> None:
    write_fid(tmp_path / name, EXAMPLES)
    assert read(tmp_path / name) == EXAMPLES


@pytest.mark.parametrize("chunk", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize("indent", [None, 4])
def test_an_array_reads_equal_however_it_is_laid_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, indent: int | None
) -> None:
    write_fid(tmp_path / "q.json", EXAMPLES)
    (tmp_path / "q.json").write_text(json.dumps(json.loads((tmp_path / "q.json").read_text()), indent=indent))
    if chunk < 10:  # an item fails far from the end of so small a piece: the whole file counts as near
        monkeypatch.setattr(json_array, "_pieces", lambda path: pieces(path, chunk))
    assert read(tmp_path / "q.json") == EXAMPLES


def pieces(path: Path, chunk: int) -> Any:
    text = path.read_text()
    return (text[start : start + chunk] for start in range(0, len(text), chunk))


def test_a_text_longer_than_what_is_read_at_a_time_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_array, "CHUNK", 10)
    write_fid(tmp_path / "q.json", [FidExample("a", "Who? " * 100, ("I",), ()), *EXAMPLES[1:]])
    assert [example.id for example in read(tmp_path / "q.json")] == ["a", "b", "c"]
    (tmp_path / "q.json").write_text((tmp_path / "q.json").read_text()[:200])
    with pytest.raises(DataError, match=r"q\.json:2: not JSON: Unterminated string"):
        read(tmp_path / "q.json")


@pytest.mark.parametrize("text", ["[]", " [ ]\n", "[\n\n]\n"])
def test_an_empty_array_has_no_example(tmp_path: Path, text: str) -> None:
    (tmp_path / "q.json").write_text(text)
    assert read(tmp_path / "q.json") == []
    write_fid(tmp_path / "w.json", [])
    assert read(tmp_path / "w.json") == []


def test_ids_and_scores_as_numbers_and_texts(tmp_path: Path) -> None:
    entry = {"title": "T", "text": "t", "id": 12, "score": "81.5", "has_answer": True}
    items: list[dict[str, Any]] = [{**GOOD, "id": 7, "ctxs": [entry]}, {k: v for k, v in GOOD.items() if k != "id"}]
    (tmp_path / "q.json").write_text(json.dumps(items))
    first, second = read(tmp_path / "q.json")
    assert (first.id, second.id) == ("7", "1")
    assert first.contexts == (FidContext("T", "t", "12", 81.5),)


def without(key: str) -> dict[str, Any]:
    return {k: v for k, v in GOOD.items() if k != key}


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({**without("question"), "questions": "Who?"}, "no 'question'; did you mean 'questions'"),
        (without("ctxs"), "no 'ctxs'"),
        (without("answers"), "no 'answers'"),
        ({**GOOD, "answers": "I"}, "'answers' must be a list, found 'I'"),
        ({**GOOD, "answers": [1]}, "'answers' must be texts, found 1"),
        ({**GOOD, "question": " "}, "'question' must be non-empty text"),
        ({**GOOD, "target": 3}, "'target' must be non-empty text, found 3"),
        ({**GOOD, "ctxs": ["t"]}, "passage 0: expected an object"),
        ({**GOOD, "ctxs": [*GOOD["ctxs"], {"title": "T"}]}, "passage 1: there is no 'text'"),
        ({**GOOD, "ctxs": [{**GOOD["ctxs"][0], "score": "high"}]}, "'score' must be a finite number, found 'high'"),
        ({**GOOD, "ctxs": [{**GOOD["ctxs"][0], "score": True}]}, "'score' must be a finite number, found True"),
        (GOOD, "duplicate id 'a'"),
        ([1], "found [1]"),
    ],
)
@pytest.mark.parametrize("name", ["q.json", "q.jsonl"])
def test_a_broken_example_is_named(tmp_path: Path, broken: Any, words: str, name: str) -> None:
    path = tmp_path / name
    rows = [json.dumps(GOOD), json.dumps({**broken, "id": "b"} if broken is not GOOD and broken != [1] else broken)]
    path.write_text(("[" + ",\n".join(rows) + "]") if name == "q.json" else "\n".join(rows) + "\n")
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert words in str(caught.value) or "found a list" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "number", "words"),
    [
        ("", 1, "expected an array, which begins with [ (the file ends here)"),
        ('{"a": 1}', 1, "expected an array, which begins with ["),
        ('[{"a":\n tru}]', 2, "not JSON: Expecting value"),
        ("[\n" + json.dumps(GOOD) + "\n", 3, "expected , or ] after an item (the file ends here)"),
        ("[\n" + json.dumps(GOOD) + ",\n]", 3, "expected an item after ,"),
        ("[\n" + json.dumps(GOOD)[:40], 2, "not JSON"),
        ("[\n" + json.dumps(GOOD) + "\n]\nx", 4, "expected nothing after"),
    ],
)
def test_a_broken_array_is_named(tmp_path: Path, text: str, number: int, words: str) -> None:
    (tmp_path / "q.json").write_text(text)
    with pytest.raises(DataError) as caught:
        read(tmp_path / "q.json")
    assert str(caught.value).startswith(f"{tmp_path / 'q.json'}:{number}: ")
    assert words in str(caught.value)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_fid(tmp_path / "q.json", [EXAMPLES[0], FidExample("x", object(), (), ())])  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
