"""Processes read one store at once, from a folder that none of them may write."""

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from glimmer.memory import CODECS, MemoryStore
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.writer import write_store

ROOT = Path(__file__).parents[2]
READ = """
import hashlib, os, pickle, sys
import glimmer.memory
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
store = pickle.load(sys.stdin.buffer)
assert not os.access(store.path, os.W_OK)
print("open", flush=True)
sys.stdin.buffer.readline()
digest = hashlib.sha256()
for turn in range(50):
    digest.update(store.read([f"p{(turn * step) % 40}" for step in range(1, 9)]).values.numpy().tobytes())
print(digest.hexdigest())
"""


def test_processes_read_a_store_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("store")
    generator = torch.Generator().manual_seed(0)
    rows = [(f"p{row}", [row] * (1 + row % 5), torch.randn(1 + row % 5, 8, generator=generator)) for row in range(40)]
    write_store(path, rows, CODECS.build(CODECS.configure("int8"), width=8), Fingerprint("e", "w", 2, "t"))
    for item in [*path.rglob("*"), path, tmp_path]:
        item.chmod(0o555 if item.is_dir() else 0o444)
    store = MemoryStore(path)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(item or str(ROOT) for item in sys.path)}
    command = [sys.executable, "-c", READ]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdin.write(pickle.dumps(store))
        other.stdin.flush()
        assert other.stdout.readline() == b"open\n"
        other.stdin.write(b"read\n")
        other.stdin.flush()
        digest = hashlib.sha256()
        for turn in range(50):
            digest.update(store.read([f"p{(turn * step) % 40}" for step in range(1, 9)]).values.numpy().tobytes())
        found, _ = other.communicate(timeout=60)
    assert found.decode().strip() == digest.hexdigest()
