"""What is converted there and back is the same; a mistake names what was expected."""

import json
from pathlib import Path

import pytest

from glimmer.cli.main import main
from glimmer.data.collection import Corpus, DataConfig
from glimmer.data.fid_json import FidContext, FidExample, read_fid, write_fid
from glimmer.data.passages import read_passages, write_passages
from glimmer.data.spans import Span
from glimmer.data.values import Passage
from glimmer.retrieval import RETRIEVERS

TRAIN = [
    FidExample("a", "Who?", ("I", "me"), (FidContext("T", "text", "1", 2.0), FidContext("U", "more", "2", 1.0)), "I"),
    FidExample("b", "What?", ("it",), (FidContext("U", "more", "2", 3.0),)),
]
DEV = [FidExample("c", "Why?", ("so",), (FidContext("V", "last", "3", 1.0), FidContext("T", "text", "1", 0.5)))]


def run(*words: object) -> None:
    assert main(["convert", *map(str, words)]) == 0


def failure(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    capsys.readouterr()
    assert main(["convert", *map(str, words)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_passages_go_to_tsv_and_back(tmp_path: Path) -> None:
    passages = [Passage("1", 'A "b"', "a\ttab"), Passage("2", "", "two\nlines")]
    write_passages(tmp_path / "p.jsonl", passages)
    run("passages", tmp_path / "p.jsonl", tmp_path / "p.tsv.gz")
    run("passages", tmp_path / "p.tsv.gz", tmp_path / "q.jsonl")
    assert (tmp_path / "q.jsonl").read_bytes() == (tmp_path / "p.jsonl").read_bytes()


def test_pages_and_splits_are_kept_where_the_format_has_room(tmp_path: Path) -> None:
    passages = [Passage("1", "A", "text", "7", Span(1, 0, 2, 9)), Passage("2", "B", "more")]
    write_passages(tmp_path / "p.jsonl", passages, {"2": "dev"})
    run("passages", tmp_path / "p.jsonl", tmp_path / "q.jsonl.gz")
    run("passages", tmp_path / "q.jsonl.gz", tmp_path / "r.jsonl")
    assert (tmp_path / "r.jsonl").read_bytes() == (tmp_path / "p.jsonl").read_bytes()
    assert b'"split": "dev"' in (tmp_path / "r.jsonl").read_bytes()


def test_a_corpus_of_fid_s_files_has_their_candidates(tmp_path: Path) -> None:
    write_fid(tmp_path / "train.json", TRAIN)
    write_fid(tmp_path / "dev.json", DEV)
    folder = tmp_path / "nq"
    run(
        "from-fid",
        f"train={tmp_path / 'train.json'}",
        f"dev={tmp_path / 'dev.json'}",
        "--output",
        folder,
        "--name",
        "nq",
    )
    retriever = RETRIEVERS.configure("precomputed", path=f"{folder}/found/{{name}}.jsonl")
    corpus = Corpus(DataConfig(dir=str(folder), retrievers={"default": retriever}))
    assert [p.id for p in corpus.passages()] == ["1", "2", "3"]
    assert [[(c.passage.id, c.score) for c in row] for row in corpus.candidates("nq", "train")] == [
        [("1", 2.0), ("2", 1.0)],
        [("2", 3.0)],
    ]
    for split, examples in (("train", TRAIN), ("dev", DEV)):
        run("to-fid", folder / f"nq-{split}.jsonl", tmp_path / "again.json")
        assert [example for _, example in read_fid(tmp_path / "again.json")] == examples
    run("to-fid", folder / "nq-train.jsonl", tmp_path / "again.json", "--passages", 1)
    assert [len(example.contexts) for _, example in read_fid(tmp_path / "again.json")] == [1, 1]


def test_the_target_is_the_first_answer_and_passages_without_id_or_score_are_kept_once(tmp_path: Path) -> None:
    contexts = (FidContext("T", "text"), FidContext("U", "more"), FidContext("T", "text"))
    write_fid(tmp_path / "t.json", [FidExample("a", "Who?", ("I", "me"), contexts, "me")])
    run("from-fid", f"train={tmp_path / 't.json'}", "--output", tmp_path / "c", "--name", "nq")
    first, second = read_passages(tmp_path / "c" / "passages.jsonl").passages
    (found,) = [json.loads(line) for line in (tmp_path / "c" / "found" / "nq-train.jsonl").read_text().splitlines()]
    assert [(c["passage_id"], c["score"]) for c in found["candidates"]] == [
        (first.id, 0.0),
        (second.id, -1.0),
        (first.id, -2.0),
    ]
    record = Corpus(DataConfig(dir=str(tmp_path / "c"))).records("nq", "train")[0]
    assert record.answers == ("me", "I")


def test_mistakes_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_passages(tmp_path / "p.jsonl", [Passage("1", "A", "text")])
    assert "p.csv: expected a file that ends in .jsonl or .tsv" in failure(
        capsys, "passages", tmp_path / "p.jsonl", tmp_path / "p.csv"
    )
    assert "t.json: expected SPLIT=FILE" in failure(capsys, "from-fid", "t.json", "--output", "c", "--name", "n")
    assert "'a' is there already" in failure(capsys, "from-fid", "a=b", "a=c", "--output", "c", "--name", "n")
    other = FidExample("x", "Who?", ("I",), (FidContext("T", "text", "1", 1.0), FidContext("T", "other", "1", 1.0)))
    mixed = FidExample("x", "Who?", ("I",), (FidContext("T", "text", "1", 1.0), FidContext("U", "more", "2")))
    for example, words in ((other, "the passage '1' has another title or text"), (mixed, "passage 1 has no 'score'")):
        write_fid(tmp_path / "t.json", [TRAIN[1], example])
        options = ("--output", tmp_path / "c", "--name", "nq")
        assert f"t.json:3: {words}" in failure(capsys, "from-fid", f"train={tmp_path / 't.json'}", *options)
        assert not (tmp_path / "c").exists()


def test_a_question_without_candidates_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_fid(tmp_path / "t.json", TRAIN)
    run("from-fid", f"train={tmp_path / 't.json'}", "--output", tmp_path / "c", "--name", "nq")
    (tmp_path / "found.jsonl").write_text('{"id": "a", "candidates": []}\n')
    error = failure(
        capsys, "to-fid", tmp_path / "c/nq-train.jsonl", tmp_path / "o.json", "--candidates", tmp_path / "found.jsonl"
    )
    assert "no candidates for the question 'b'" in error
    assert not (tmp_path / "o.json").exists()
