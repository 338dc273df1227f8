"""Passages in DPR's TSV (arXiv 2004.04906): a header ``id text title``, and fields quoted as by Python's csv module."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from glimmer.data.files import new_file, read_lines
from glimmer.data.values import Passage
from glimmer.errors import DataError

COLUMNS = ("id", "text", "title")
_QUOTED = ("\t", "\n", "\r", '"')


def read_dpr_passages(path: Path) -> Iterator[tuple[int, Passage]]:
    """Yield ``(line number, passage)`` of a TSV file, ``.gz`` by suffix, one by one; the header orders the columns.

    Raises:
        DataError: names the line of the first row that is broken or incomplete; a row may have several lines.
    """
    rows = csv.reader((line for _, line in read_lines(path)), delimiter="\t", strict=True)
    header: list[str] = []
    number = 1
    try:
        for row in rows:
            if not header:
                header = _header(path, row)
            else:
                yield number, _passage(path, number, dict(zip(header, row, strict=False)), len(row))
            number = rows.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}:{number}: no row of DPR's TSV: {error} (is a quote not closed or doubled?)") from None
    if not header:
        raise DataError(f"{path}: the file is empty; expected DPR's TSV with the header {' '.join(COLUMNS)}")


def write_dpr_passages(path: Path, passages: Iterable[Passage]) -> None:
    """Write passages in DPR's TSV, atomically and one by one; reading them back gives equal passages."""
    with new_file(path) as file:
        file.write(("\t".join(COLUMNS) + "\n").encode())
        for passage in passages:
            file.write(("\t".join(map(_quoted, (passage.id, passage.text, passage.title))) + "\n").encode())


def _header(path: Path, row: list[str]) -> list[str]:
    if sorted(row) != sorted(COLUMNS):
        raise DataError(f"{path}:1: expected the header {' '.join(COLUMNS)} with tabs between, found {row!r:.60}")
    return row


def _passage(path: Path, number: int, row: dict[str, str], found: int) -> Passage:
    if found != len(COLUMNS):
        raise DataError(f"{path}:{number}: expected {len(COLUMNS)} fields with tabs between, found {found}")
    for key in ("id", "text"):
        if not row[key].strip():
            raise DataError(f"{path}:{number}: {key!r} of a passage must be non-empty text, found {row[key]!r:.60}")
    return Passage(row["id"], row["title"], row["text"])


def _quoted(field: str) -> str:
    """A field as csv's reader takes it back; its writer leaves a lone carriage return without quotes."""
    return '"' + field.replace('"', '""') + '"' if any(c in field for c in _QUOTED) else field
