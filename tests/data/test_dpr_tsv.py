"""DPR's TSV reads back equal, whatever a passage holds; a broken row is named by its line."""

import csv
import gzip
from pathlib import Path

import pytest

from glimmer.data.dpr_tsv import read_dpr_passages, write_dpr_passages
from glimmer.data.values import Passage
from glimmer.errors import DataError

PASSAGES = [
    Passage("1", "Aaron", 'He said "no".'),
    Passage("2", 'The "A"', "a\ttab"),
    Passage("3", "", "two\nlines\r\nand\ra return"),
    Passage("4", "é", '"all quoted"'),
    Passage("5", "last", "plain, with a comma; and 'quotes'"),
]


@pytest.mark.parametrize("name", ["p.tsv", "p.tsv.gz"])
def test_passages_read_back_equal(tmp_path: Path, name: str) -> None:
    write_dpr_passages(tmp_path / name, PASSAGES)
    assert [passage for _, passage in read_dpr_passages(tmp_path / name)] == PASSAGES
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_file_is_that_of_python_s_csv_module(tmp_path: Path) -> None:
    write_dpr_passages(tmp_path / "ours.tsv", PASSAGES)
    with (tmp_path / "ours.tsv").open(newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    assert rows == [["id", "text", "title"], *([p.id, p.text, p.title] for p in PASSAGES)]
    with (tmp_path / "theirs.tsv").open("w", newline="") as file:
        csv.writer(file, delimiter="\t", quoting=csv.QUOTE_ALL).writerows(rows)
    assert [passage for _, passage in read_dpr_passages(tmp_path / "theirs.tsv")] == PASSAGES


def test_rows_are_numbered_by_the_line_where_they_begin(tmp_path: Path) -> None:
    (tmp_path / "p.tsv").write_text('id\ttext\ttitle\n1\t"two\nlines"\tA\n2\tone\tB\n')
    assert [number for number, _ in read_dpr_passages(tmp_path / "p.tsv")] == [2, 4]


def test_the_header_orders_the_columns(tmp_path: Path) -> None:
    (tmp_path / "p.tsv").write_text("id\ttitle\ttext\n1\tA\tb\n")
    assert [passage for _, passage in read_dpr_passages(tmp_path / "p.tsv")] == [Passage("1", "A", "b")]


@pytest.mark.parametrize(
    ("content", "number", "words"),
    [
        (b"", None, "the file is empty"),
        (b"1\ttext\ttitle\n", 1, "expected the header id text title"),
        (b'id\ttext\ttitle\n1\t"a\nb"\tT\n2\ttext\n', 4, "expected 3 fields with tabs between, found 2"),
        (b"id\ttext\ttitle\n1\ta\tb\tc\n", 2, "expected 3 fields with tabs between, found 4"),
        (b"id\ttext\ttitle\n\n", 2, "found 0"),
        (b"id\ttext\ttitle\n\ta\tb\n", 2, "'id' of a passage must be non-empty text"),
        (b"id\ttext\ttitle\n1\t \tb\n", 2, "'text' of a passage must be non-empty text"),
        (b'id\ttext\ttitle\n1\ta\tb\n2\t"a\tb\n3\tc\td\n', 3, "is a quote not closed or doubled?"),
        (b'id\ttext\ttitle\n1\t"a" b\tc\n', 2, "is a quote not closed or doubled?"),
        (b"id\ttext\ttitle\n1\t\xff\tc\n", 2, "not UTF-8"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, content: bytes, number: int | None, words: str) -> None:
    path = tmp_path / "p.tsv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        list(read_dpr_passages(path))
    assert str(caught.value).startswith(f"{path}:{number}: " if number else f"{path}: ")
    assert words in str(caught.value)


def test_what_is_missing_or_cut_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        list(read_dpr_passages(tmp_path / "none.tsv"))
    write_dpr_passages(tmp_path / "p.tsv", PASSAGES)
    packed = gzip.compress((tmp_path / "p.tsv").read_bytes())
    (tmp_path / "cut.tsv.gz").write_bytes(packed[:-9])
    with pytest.raises(DataError, match="the gzip file is truncated"):
        list(read_dpr_passages(tmp_path / "cut.tsv.gz"))
