"""A compaction drops what updates have left unreachable, copies the rest as it is stored, and is seen whole."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glimmer.cli.main import main
from glimmer.errors import StoreError
from glimmer.memory import CODECS, MemoryStore
from glimmer.memory.compact import Compaction, compact_store
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.index import Live, live_rows
from glimmer.memory.shard import ShardWriter
from glimmer.memory.writer import Encoded, Plan, StoreWriter

WIDTH, SHARD = 4, 4
IDS = [f"p{row}" for row in range(12)]
LIVE = ["p0", "p4", "p6", "p7", "p8", "p9", "p10", "p11"]
"""One of four passages in the first shard, three in the second, all in the third."""


def encoded(ids: list[str]) -> Iterator[Encoded]:
    for name in ids:
        row = int(name[1:])
        yield name, [row], torch.full((1 + row % 3, WIDTH), float(row))


def plan(generation: int = 1) -> Plan:
    codec = CODECS.build(CODECS.configure("int8"), width=WIDTH)
    made_by = Fingerprint("encoder", "weights", 2, "text")
    return Plan(codec, made_by, SHARD, generation=generation, command="encode" if generation == 1 else "memory update")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store of which an update has dropped some."""
    path = tmp_path / "store"
    with StoreWriter(path, plan()) as writer:
        for number, start in enumerate(range(0, len(IDS), SHARD)):
            writer.write(number, IDS[start], "", encoded(IDS[start : start + SHARD]), lambda tokens, size: None)
        writer.publish([""] * 3)
    opened = MemoryStore(path)
    kept = np.zeros(len(opened), bool)
    kept[[opened.find(name) for name in LIVE]] = True
    infos = opened.promised.shards
    rows = live_rows(opened.index, kept, [info.passages for info in infos])
    with StoreWriter(path, plan(2)) as writer:
        writer.publish([], [(info, Live(opened.shard(n), rows[n])) for n, info in enumerate(infos)])
        opened.close()
    return path


def values(store: MemoryStore) -> list[list[list[float]]]:
    read = store.read(LIVE)
    return [states[mask].tolist() for states, mask in zip(read.values, read.mask, strict=True)]


def shards(store: Path) -> list[str]:
    return sorted(file.name.removesuffix(".safetensors") for file in (store / "shards").iterdir())


def test_sparse_shards_are_copied_and_others_stay(store: Path) -> None:
    before = values(MemoryStore(store))
    done = compact_store(store, 0.5)
    assert (done.shards, done.passages) == (1, 1)
    assert done.freed > 0
    assert shards(store) == ["00001-000001", "00001-000002", "00003-000000"]
    assert values(MemoryStore(store, verify=True)) == before
    done = compact_store(store, 0.0)
    assert (done.shards, done.passages) == (1, 3)
    assert shards(store) == ["00001-000002", "00003-000000", "00004-000000"]
    compacted = MemoryStore(store, verify=True)
    assert values(compacted) == before
    assert sum(info.tokens for info in compacted.promised.shards) == compacted.manifest["tokens"]
    assert compact_store(store, 0.0) == Compaction(0, 0, 0)


def test_copied_passages_share_shards_of_the_stores_size(store: Path) -> None:
    assert compact_store(store, 0.1).shards == 2
    (_, copied) = MemoryStore(store).promised.shards
    assert (copied.file, copied.passages) == ("00003-000000.safetensors", SHARD)


def test_whoever_reads_keeps_the_old_generation(store: Path) -> None:
    old = MemoryStore(store)
    before = values(old)
    assert compact_store(store, 0.0).freed == 0
    assert values(old) == values(MemoryStore(store)) == before
    assert shards(store) == ["00001-000000", "00001-000001", "00001-000002", "00003-000000"]


def test_stopped_it_goes_on_and_an_update_does_not_get_between(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    before = values(MemoryStore(store))
    with monkeypatch.context() as patched:
        patched.setattr(StoreWriter, "publish", stopped)
        with pytest.raises(KeyboardInterrupt):
            compact_store(store, 0.0)
    assert values(MemoryStore(store, verify=True)) == before
    with pytest.raises(StoreError, match=r"was begun otherwise: command \(memory compact against memory update\)"):
        with StoreWriter(store, plan(3)):
            pass
    monkeypatch.setattr(ShardWriter, "append", stopped)  # nothing is copied again
    assert compact_store(store, 0.0).passages == 4
    assert values(MemoryStore(store, verify=True)) == before


@pytest.mark.parametrize("name", ["shards/00001-000000.safetensors", "index-00002/places.npy"])
def test_damage_is_not_given_a_new_checksum(store: Path, name: str) -> None:
    file = store / name
    sound = file.read_bytes()
    place = 4100 if name.startswith("shards") else len(sound) - 1
    file.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
    with pytest.raises(StoreError, match=f"{name} is damaged: its checksum"):
        compact_store(store, 0.0)
    assert MemoryStore(store).promised.generation == 2


def test_the_commands_tell_what_is_dead_and_free_it(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*words: str) -> Any:
        assert main(["memory", *words]) == 0
        return capsys.readouterr().out

    tokens = sum(1 + int(name[1:]) % 3 for name in set(IDS) - set(LIVE))
    share = tokens / sum(1 + row % 3 for row in range(12))
    assert f"4 passages, {tokens * (WIDTH + 4)} bytes of states ({share:.0%})" in told("info", str(store))
    assert "1 shards compacted, 1 passages copied; " in told("compact", str(store), "--dead-share", "0.5")
    assert "no shard has more than 50% of its states" in told("compact", str(store), "--dead-share", "0.5")
    told("compact", str(store), "--dead-share", "0")
    assert "0 passages, 0 bytes of states (0%)" in told("info", str(store))
