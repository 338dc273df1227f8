"""Every way to gather that is compared with the store's is measured."""

from pathlib import Path

from glimmer.analysis.gathering import formats_table, measure_formats
from glimmer.analysis.growth import Sizes, write_synthetic


def test_every_way_is_measured(tmp_path: Path) -> None:
    sizes = Sizes(passages=60, tokens=3, width=4, shard_passages=64)
    write_synthetic(tmp_path / "store", sizes)
    found = measure_formats(tmp_path / "store", sizes, gathers=2)
    assert len(found) == 7
    assert min(found.values()) > 0
    assert len(formats_table(found).splitlines()) == 2 + 7
