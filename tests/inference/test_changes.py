"""How a store is read may be changed after training; what is read, and another memory, may not."""

from dataclasses import replace
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
    for override in ("memory.name=online", "memory.path=other"):
        with pytest.raises(
            ConfigError, match=r"cannot be changed in a trained run; .*where the memory has it, memory\."
        ):
            Changes(memory="store", overrides=[override]).apply(config)
    with pytest.raises(ConfigError, match=r"memory\.cache_bytes must be at least 0, found -1"):
        Changes(memory="store", overrides=["memory.cache_bytes=-1"]).apply(config)


def test_options_of_memory_that_is_encoded_now_are_those_that_it_has(tmp_path: Path) -> None:
    config = small_run(tmp_path / "data", tmp_path / "run")
    with pytest.raises(ConfigError, match=r"memory\.cache_bytes must be 0 where memory is not frozen"):
        Changes(overrides=["memory.cache_bytes=1000"]).apply(config)
    with pytest.raises(ConfigError, match=r"memory\.verify: the run's memory 'online' has no such option"):
        Changes(overrides=["memory.verify=true"]).apply(config)
    frozen = replace(config, memory=MEMORIES.configure("online", frozen=True, cache_bytes=5))
    changed = Changes(overrides=["memory.cache_bytes=1000"]).apply(frozen)
    assert changed.memory == MEMORIES.configure("online", frozen=True, cache_bytes=1000)
