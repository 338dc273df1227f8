"""How a store is read may be changed after training; what is read, and another memory, may not."""

from pathlib import Path

import pytest
from small_runs import small_run

from glimmer.errors import ConfigError
from glimmer.inference.changes import Changes
from glimmer.memory import MEMORIES


def test_options_of_a_store_are_those_of_the_one_that_is_read(tmp_path: Path) -> None:
    config = small_run(tmp_path / "data", tmp_path / "run")
    options = ["memory.cache_bytes=1000", "memory.verify=true"]
    changed = Changes(memory="store", overrides=options).apply(config)
    assert changed.memory == MEMORIES.configure("stored", path="store", cache_bytes=1000, verify=True)
    for memory, override in ((None, options[0]), ("store", "memory.name=online"), ("store", "memory.path=other")):
        with pytest.raises(ConfigError, match=r"cannot be changed in a trained run; .*where a store is read, memory\."):
            Changes(memory=memory, overrides=[override]).apply(config)
    with pytest.raises(ConfigError, match=r"memory\.cache_bytes must be at least 0, found -1"):
        Changes(memory="store", overrides=["memory.cache_bytes=-1"]).apply(config)
