"""An update publishes a generation at once: whoever has a store open keeps the old one, and nobody sees a mixture."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from glimmer.memory import CODECS, MemoryStore
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.index import Live, live_rows
from glimmer.memory.writer import Encoded, Plan, StoreWriter

WIDTH = 4
MADE_BY = Fingerprint("encoder", "weights", 2, "text")
IDS = [f"p{row}" for row in range(6)]


def passages(ids: list[str], value: int) -> list[Encoded]:
    return [(name, [value], torch.full((2, WIDTH), float(value))) for name in ids]


def publish(path: Path, generation: int, ids: list[str], keep: list[str] | None = None) -> None:
    """A generation in which ``ids`` have its number as their states, and ``keep`` stay as they were."""
    plan = Plan(CODECS.build(CODECS.configure("raw"), width=WIDTH), MADE_BY, 3, generation=generation)
    kept = []
    if keep is not None:
        store = MemoryStore(path)
        positions = np.zeros(len(store), bool)
        positions[[store.find(name) for name in keep]] = True
        infos = store.promised.shards
        rows = live_rows(store.index, positions, [info.passages for info in infos])
        kept = [(infos[n], Live(store.shard(n), row)) for n, row in enumerate(rows) if row.any()]
        store.close()
    with StoreWriter(path, plan) as writer:
        for number, start in enumerate(range(0, len(ids), 3)):
            some = ids[start : start + 3]
            writer.write(number, some[0], "", passages(some, generation), lambda tokens, size: None)
        assert writer.publish([""] * -(-len(ids) // 3), kept)


def values(store: MemoryStore, ids: list[str] = IDS) -> list[int]:
    return [int(value) for value in store.read(ids).values[:, 0, 0]]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    publish(tmp_path / "store", 1, IDS)
    return tmp_path / "store"


def shards(store: Path) -> list[str]:
    return sorted(file.name.removesuffix(".safetensors") for file in (store / "shards").iterdir())


def test_what_is_kept_stays_where_it_is(store: Path) -> None:
    before = (store / "shards" / "00001-000001.safetensors").stat()
    publish(store, 2, ["p0", "p7"], IDS[1:])
    opened = MemoryStore(store, verify=True)
    assert values(opened, [*IDS, "p7"]) == [2, 1, 1, 1, 1, 1, 2]
    assert (len(opened), opened.manifest["tokens"]) == (7, 14)
    assert (store / "shards" / "00001-000001.safetensors").stat() == before
    assert shards(store) == ["00001-000000", "00001-000001", "00002-000000"]
    assert not (store / "index-00001").exists()


def test_what_is_dropped_is_not_found_and_an_empty_shard_goes(store: Path) -> None:
    publish(store, 2, [], IDS[4:])
    opened = MemoryStore(store, verify=True)
    assert (len(opened), opened.find("p0"), opened.find("p3")) == (2, None, None)
    assert values(opened, IDS[4:]) == [1, 1]
    assert shards(store) == ["00001-000001"]


def test_whoever_reads_keeps_the_old_generation_and_its_files(store: Path) -> None:
    old = MemoryStore(store)
    publish(store, 2, IDS, [])
    new = MemoryStore(store)
    assert (values(old), values(new)) == ([1] * 6, [2] * 6)
    assert shards(store) == ["00001-000000", "00001-000001", "00002-000000", "00002-000001"]
    old.close()
    publish(store, 3, ["p0"], IDS[1:])
    assert values(new) == [2] * 6
    assert values(MemoryStore(store)) == [3, 2, 2, 2, 2, 2]
    assert sorted(path.name for path in store.glob("index-*")) == ["index-00002", "index-00003"]
    new.close()
    publish(store, 4, [], IDS[1:])
    assert sorted(path.name for path in store.glob("index-*")) == ["index-00004"]
    assert shards(store) == ["00002-000000", "00002-000001"]


def test_no_reader_ever_sees_a_mixture(store: Path) -> None:
    done = threading.Event()
    seen: list[list[int]] = []
    failures: list[Exception] = []

    def read() -> None:
        try:
            while not done.is_set():
                opened = MemoryStore(store)
                seen.append(values(opened))
                opened.close()
        except Exception as error:  # noqa: BLE001 - raised in the test
            failures.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    for generation in range(2, 12):
        publish(store, generation, IDS, [])
    done.set()
    thread.join()
    assert failures == []
    assert all(len(set(found)) == 1 for found in seen)
    assert seen == sorted(seen)
    assert len(seen) > 1
