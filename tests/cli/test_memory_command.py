"""``glimmer memory`` tells what a store is, finds what is damaged and plans what is to be."""

from pathlib import Path

import pytest
import torch

from glimmer.cli.main import main
from glimmer.memory import CODECS
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.writer import write_store


@pytest.fixture
def store(tmp_path: Path) -> Path:
    codec = CODECS.build(CODECS.configure("raw"), width=4)
    passages = [(f"p{row}", [row] * 3, torch.ones(3, 4)) for row in range(5)]
    write_store(tmp_path / "store", passages, codec, Fingerprint("encoder", "weights", 2, "text"))
    return tmp_path / "store"


def test_info_prints_the_manifest(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "info", str(store)]) == 0
    told = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    told = {name: value.strip() for name, value in told.items()}
    assert told["codec"] == "name=raw, dtype=bfloat16"
    assert told["a stored token"] == "4 × BF16, 8 bytes"
    assert (told["passages"], told["tokens stored"], told["shards"]) == ("5", "15", "1, of 5 passages")
    assert told["encoder weights"] == "weights"


def test_verify_names_the_damaged_shard(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "verify", str(store)]) == 0
    assert f"{store}: sound; 3 files, " in capsys.readouterr().out
    (shard,) = (store / "shards").iterdir()
    content = shard.read_bytes()
    shard.write_bytes(content[:4100] + bytes([content[4100] ^ 1]) + content[4101:])
    assert main(["memory", "verify", str(store), "--threads", "2"]) == 1
    assert f"{shard} is damaged: its checksum is not the manifest's" in capsys.readouterr().err


def test_verify_tells_what_a_stopped_writer_left(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (store / ".index-00002.abcd_123").mkdir()
    (store / "shards" / "00002-000000.safetensors").write_text("")
    assert main(["memory", "verify", str(store)]) == 0
    _, told = capsys.readouterr().out.splitlines()
    names = ".index-00002.abcd_123, shards/00002-000000.safetensors"
    assert told == f"left by a stopped writer, and removed by the next one: {names}"
    (store / "work").mkdir()
    (store / "work" / "plan.json").write_text('{"generation": 2, "command": "memory update"}')
    assert main(["memory", "verify", str(store)]) == 0
    _, begun, told = capsys.readouterr().out.splitlines()
    assert begun == "not finished: `glimmer memory update` was begun, and goes on when it is given again"
    assert told.endswith(": .index-00002.abcd_123")  # the shard is needed then


def test_plan_is_arithmetic(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--passages", "1000000", "--tokens", "100", "--tokens-per-second", "10000"]
    assert main(["memory", "plan", "experiment=paper/lumen_xxl", *asked]) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    # 10^8 tokens of 4096 bf16 numbers; 8 + 8 + 8 + 16 + 16 bytes a passage and seven digits of an id; 10^4 seconds.
    assert [cell.strip() for cell in row.split("|")[1:6]] == ["yours", "1,000,000", "100 M", "819 GB", "63 MB"]
    assert row.split("|")[7].strip() == "2.8"
    assert main(["memory", "plan", "experiment=fid"]) == 1
    assert "leaves no memory layers" in capsys.readouterr().err


def test_plan_knows_the_corpora_of_the_papers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["memory", "plan", "experiment=paper/lumen_base", "--codec", "raw,dtype=float32"]) == 0
    told = capsys.readouterr().out
    assert "22,200,000" in told
    assert "36,000,000" in told
    assert "codec raw,dtype=float32: 3072 bytes a stored token" in told
    assert "--tokens-per-second" in told


def test_plan_counts_what_the_codec_stores(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--passages", "1000000", "--tokens", "100"]
    for experiment, codec, told, size in (
        ("lumen_vq", [], "codec product: 16 bytes a stored token", "1.6 GB"),
        ("lumen", ["--codec", "first_tokens,count=32+int8"], "first_tokens,count=32+int8: 132 bytes a", "4.22 GB"),
    ):
        assert main(["memory", "plan", f"experiment={experiment}", *asked, *codec]) == 0
        printed = capsys.readouterr().out
        assert told in printed
        (row,) = [line for line in printed.splitlines() if "yours" in line]
        assert row.split("|")[4].strip() == size
