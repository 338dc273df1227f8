"""What is measured of stores is measured of real ones."""

from pathlib import Path

from glimmer.analysis.gathering import Sizes, formats_table, growth_table, measure_formats, measure_growth
from glimmer.memory import MemoryStore

SIZES = Sizes(passages=60, tokens=3, width=4, shard_passages=64)


def test_a_synthetic_store_is_sound_and_of_the_size_asked_for(tmp_path: Path) -> None:
    growth = measure_growth(tmp_path / "store", SIZES, gathers=2)
    store = MemoryStore(tmp_path / "store", verify=True)
    assert (len(store), store.manifest["tokens"], store.codec.bytes_per_token) == (60, 180, 8)
    assert growth_table([growth]).splitlines()[2].split("|")[1:3] == [" 60       ", " 1.44 kB "]


def test_every_way_is_measured(tmp_path: Path) -> None:
    measure_growth(tmp_path / "store", SIZES, gathers=1)
    found = measure_formats(tmp_path / "store", SIZES, gathers=2)
    assert len(found) == 7
    assert min(found.values()) > 0
    assert len(formats_table(found).splitlines()) == 2 + 7
