"""Encoding holds a few shards and no more, however many passages there are."""

import os
import subprocess
import sys
from pathlib import Path

from glimmer.memory import MemoryStore

FEW, MANY, SHARD = 64, 1536, 32

PEAKS = """
import sys
from pathlib import Path
from small_runs import small_run, write_corpus
from glimmer.data.values import Passage
from glimmer.inference.encode import encode_passages
from glimmer.inference.run import untrained_run
from glimmer.memory import CODECS

folder, *counts, shard = sys.argv[1:]
encoder = {"name": "t5", "width": 128, "layers": 2, "heads": 2, "head_width": 8, "feed_forward": 32}
config = small_run(write_corpus(Path(folder) / "data"), Path(folder) / "run", encoder=encoder, callbacks={})
run = untrained_run(config)
text = " ".join(["river"] * 60)
for count in map(int, counts):
    passages = (Passage(f"p{row}", f"Land {row}", text) for row in range(count))
    raw = CODECS.configure("raw", dtype="float32")
    encode_passages(run, passages, Path(folder) / str(count), raw, batch_size=16, shard_passages=int(shard))
    print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def test_many_passages_take_no_more_memory_than_few(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
    words = [sys.executable, "-c", PEAKS, str(tmp_path), str(FEW), str(MANY), str(SHARD)]
    told = subprocess.run(words, env=environment, capture_output=True, text=True, check=True).stdout.split()
    few, many = (1024 * int(kilobytes) for kilobytes in told)
    store = MemoryStore(tmp_path / str(MANY))
    states = store.manifest["tokens"] * store.codec.bytes_per_token
    assert states > 32e6
    assert many - few < states / 4
