"""Candidates are written as they are found, and read as they are asked for."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from glimmer.data.values import Candidate, Output, Passage, Provenance, Record
from glimmer.errors import DataError
from glimmer.retrieval import Hits
from glimmer.retrieval.candidate_file import KeptCandidates, keep_candidates

PASSAGES = [Passage(f"p{i}", "", "text") for i in range(4)]
ROWS = {passage.id: row for row, passage in enumerate(PASSAGES)}
RECORDS = [Record(f"q{i}", "why?", (Output("so", (Provenance(f"p{i % 4}"),)),)) for i in range(10)]


class Search:
    """Finds the same for a record whenever it is asked, and remembers for which it was."""

    def __init__(self, stop_at: str | None = None) -> None:
        self.stop_at = stop_at
        self.asked: list[str] = []

    def __call__(self, records: Sequence[Record]) -> Iterator[Hits]:
        for record in records:
            if record.id == self.stop_at:
                raise KeyboardInterrupt
            self.asked.append(record.id)
            number = int(record.id[1:])
            yield [(row, 1 / (1 + row + number)) for row in range(number % 4)]


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    """What an undisturbed search writes."""
    keep_candidates(tmp_path / "whole.jsonl", RECORDS, PASSAGES, Search())
    return (tmp_path / "whole.jsonl").read_bytes()


@pytest.mark.parametrize("torn", [b"", b'{"id": "q', b"\xff"])
def test_a_stopped_search_goes_on_to_the_same_bytes(tmp_path: Path, whole: bytes, torn: bytes) -> None:
    path = tmp_path / "new" / "c.jsonl"
    with pytest.raises(KeyboardInterrupt):
        keep_candidates(path, RECORDS, PASSAGES, Search("q6"))
    (left,) = path.parent.iterdir()
    assert left.name == "c.jsonl.partial"
    with left.open("ab") as file:
        file.write(torn)  # as a killed process leaves it
    search = Search()
    keep_candidates(path, RECORDS, PASSAGES, search)
    assert search.asked == ["q6", "q7", "q8", "q9"]
    assert path.read_bytes() == whole
    assert list(path.parent.iterdir()) == [path]


def test_what_was_begun_for_other_questions_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    with pytest.raises(KeyboardInterrupt):
        keep_candidates(path, RECORDS, PASSAGES, Search("q6"))
    for others in (RECORDS[1:], RECORDS[:3]):
        with pytest.raises(DataError, match=r"c\.jsonl\.partial: was begun for other questions; remove it"):
            keep_candidates(path, others, PASSAGES, Search())


def test_who_comes_second_waits_and_does_not_search(tmp_path: Path, whole: bytes) -> None:
    path, begun, go_on = tmp_path / "c.jsonl", threading.Event(), threading.Event()

    def slow(records: Sequence[Record]) -> Iterator[Hits]:
        begun.set()
        assert go_on.wait(60)
        yield from Search()(records)

    first = threading.Thread(target=keep_candidates, args=(path, RECORDS, PASSAGES, slow))
    first.start()
    assert begun.wait(60)
    search = Search()
    second = threading.Thread(target=keep_candidates, args=(path, RECORDS, PASSAGES, search))
    second.start()
    second.join(0.2)
    assert second.is_alive()
    go_on.set()
    first.join()
    second.join()
    assert search.asked == []
    assert path.read_bytes() == whole
    assert not path.with_name("c.jsonl.partial").exists()


@pytest.mark.usefixtures("whole")
def test_candidates_are_read_with_their_flags(tmp_path: Path) -> None:
    found = KeptCandidates(tmp_path / "whole.jsonl", RECORDS, PASSAGES, ROWS)
    assert len(found) == 10
    assert found[0] == ()
    assert found[-1] == (Candidate(PASSAGES[0], 0.1, False),)
    assert [[c.gold for c in row] for row in found[5:8]] == [[False], [False] * 2, [False] * 3]
    assert found[3][0] == Candidate(PASSAGES[0], 0.25, False)
    gold = [Record(r.id, r.input, (Output("so", (Provenance("p1"),)),)) for r in RECORDS]
    flagged = KeptCandidates(tmp_path / "whole.jsonl", gold, PASSAGES, ROWS)
    assert [c.gold for c in flagged[3]] == [False, True, False]
    with pytest.raises(IndexError):
        found[10]


@pytest.mark.usefixtures("whole")
def test_a_file_of_other_questions_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "whole.jsonl"
    with pytest.raises(DataError, match=r"whole\.jsonl: holds the candidates of 10 questions instead of 9; remove it"):
        KeptCandidates(path, RECORDS[1:], PASSAGES, ROWS)
    others = KeptCandidates(path, RECORDS[::-1], PASSAGES, ROWS)
    with pytest.raises(DataError, match=r"whole\.jsonl:1: holds the candidates of 'q0' instead of 'q9'"):
        others[0]
    path.write_bytes(path.read_bytes().replace(b'"p2"', b'"p9"'))
    changed = KeptCandidates(path, RECORDS, PASSAGES, ROWS)
    with pytest.raises(DataError, match=r"whole\.jsonl:4: the candidate 'p9' is not in the passage collection"):
        changed[3]


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"c\.jsonl\.partial: cannot be written"):
        keep_candidates(tmp_path / "file" / "c.jsonl", RECORDS, PASSAGES, Search())
