"""The table of KILT's sets is what the package knows."""

import re
from pathlib import Path

from glimmer.data.kilt_sets import KILT_SETS, SPLITS

PAGE = (Path(__file__).parents[2] / "docs" / "kilt.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| `(\w+)` \| `(\w+)` \| `\w+` \| ([\d,]+|–) / ([\d,]+) / ([\d,]+) \|$", re.M)


def test_the_table_tells_every_set() -> None:
    told = {name: (title, task, stem, rows) for name, title, task, stem, *rows in ROW.findall(PAGE)}
    assert told == {
        name: (kilt.title, kilt.task, kilt.stem, [f"{kilt.rows[s]:,}" if s in kilt.rows else "–" for s in SPLITS])
        for name, kilt in KILT_SETS.items()
    }
