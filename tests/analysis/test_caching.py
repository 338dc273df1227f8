"""What a cache saves is measured on a real store, of caches that keep to their sizes."""

from pathlib import Path

from glimmer.analysis.caching import SHARES, cache_table, measure_cache
from glimmer.analysis.growth import GATHERED, Sizes, write_synthetic

SIZES = Sizes(passages=64, tokens=3, width=4, shard_passages=64)


def test_a_larger_cache_finds_more(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "store", SIZES)
    none, small, large = found = measure_cache(tmp_path / "store", SIZES, gathers=10)
    assert [cost.budget for cost in found] == [int(share * 64 * 3 * 4 * 4) for share in SHARES]
    assert all(cost.use.bytes <= cost.budget and cost.gather_s > 0 for cost in found)
    assert all(cost.use.hits + cost.use.misses == 20 * GATHERED for cost in found)
    assert 0 == none.use.hits < small.use.hits < large.use.hits
    assert len(cache_table(found).splitlines()) == 2 + len(SHARES)
