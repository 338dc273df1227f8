"""A writer that is killed at any moment leaves a store that readers find as it was or as it is to be, and no rubbish.

Every change of the folder is such a moment: a child is killed right before its first, its second and so on.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glimmer.errors import StoreError
from glimmer.memory import CODECS, MemoryStore
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.index import Live, live_rows
from glimmer.memory.manifest import current_generation
from glimmer.memory.prune import leftovers
from glimmer.memory.writer import Plan, StoreWriter

CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod")
WIDTH = 4


def plan(generation: int) -> Plan:
    codec = CODECS.build(CODECS.configure("product", codes=16, subspaces=2, sample=16), width=WIDTH)
    codec.load({"codebooks": np.arange(64, dtype="f4").reshape(2, 16, 2)})
    return Plan(codec, Fingerprint("encoder", "weights", 2, "text"), 1, generation=generation)


def write(path: Path) -> None:
    """A store of two passages, in a shard each."""
    with StoreWriter(path, plan(1)) as writer:
        writer.learn(lambda: None)
        for number, name in enumerate("ab"):
            if not writer.finished(number, name):
                writer.write(number, name, name, [(name, [1], torch.zeros(1, WIDTH))], lambda tokens, size: None)
        assert writer.publish(["a", "b"])


def update(path: Path, generation: int) -> None:
    """Keep a, drop b, and add a passage that has the generation's name."""
    store, name = MemoryStore(path), f"c{generation}"
    kept = np.zeros(len(store), bool)
    kept[store.find("a")] = True
    infos = store.promised.shards
    live = enumerate(live_rows(store.index, kept, [info.passages for info in infos]))
    parts = [(infos[number], Live(store.shard(number), rows)) for number, rows in live if rows.any()]
    with StoreWriter(path, plan(generation)) as writer:
        writer.write(0, name, name, [(name, [generation], torch.ones(1, WIDTH))], lambda tokens, size: None)
        assert writer.publish([name], parts)
        store.close()


def killed(moment: int, work: Callable[..., None], *arguments: Any) -> bool:
    """Whether ``work`` was killed before so many changes of files were made; False where it had ended by then."""
    child = os.fork()
    if child == 0:
        made = 0

        def hook(event: str, about: tuple[Any, ...]) -> None:
            nonlocal made
            writes = event == "open" and about[2] & (os.O_WRONLY | os.O_RDWR)
            if event in CHANGES or writes:
                if made == moment:
                    os.kill(os.getpid(), signal.SIGKILL)
                made += 1

        sys.addaudithook(hook)
        try:
            work(*arguments)
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


def content(path: Path) -> dict[str, bytes]:
    files = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith("lock")]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def ids(path: Path) -> set[str]:
    """The passages of a sound store that can be read."""
    store = MemoryStore(path, verify=True)
    found = {name for name in ("a", "b", "c2", "c3") if store.find(name) is not None}
    assert len(store) == len(found) == store.read(sorted(found)).mask.shape[0]
    store.close()
    return found


def test_a_store_is_there_whole_or_not_at_all_and_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "whole")
    update(tmp_path / "whole", 2)
    left = 0
    for moment in count():
        path = tmp_path / str(moment)
        if not killed(moment, write, path):
            break
        left += path.is_dir() and bool(leftovers(path, current_generation(path)))
        if (path / "manifest.json").exists():
            assert ids(path) == {"a", "b"}
        else:
            with pytest.raises(StoreError, match=r"is not finished|is no memory store"):
                MemoryStore(path)
            write(path)
        update(path, 2)
        assert content(path) == content(tmp_path / "whole")
    assert moment > 30
    assert left > 10  # so that there was something to clean


def test_an_update_is_seen_whole_or_not_at_all_and_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path / "before")
    for name in ("whole", "later"):
        shutil.copytree(tmp_path / "before", tmp_path / name)
        update(tmp_path / name, 2)
    update(tmp_path / "later", 3)
    seen = set()
    for moment in count():
        path = tmp_path / str(moment)
        shutil.copytree(tmp_path / "before", path)
        if not killed(moment, update, path, 2):
            break
        generation = current_generation(path)
        seen.add(generation)
        assert ids(path) == ({"a", "b"} if generation == 1 else {"a", "c2"})
        update(path, generation + 1)
        assert content(path) == content(tmp_path / ("whole" if generation == 1 else "later"))
    assert seen == {1, 2}
