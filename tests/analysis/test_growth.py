"""What is measured of stores of any size is measured of real ones."""

import json
from pathlib import Path

import pytest

from glimmer.analysis.growth import Growth, Sizes, growth_table, measure_reading, write_synthetic
from glimmer.cli import memory_speed
from glimmer.cli.main import main
from glimmer.memory import MemoryStore

SIZES = Sizes(passages=60, tokens=3, width=4, shard_passages=32)


def test_a_synthetic_store_is_sound_and_of_the_size_asked_for(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "store", SIZES)
    growth = Growth(SIZES, 6.0, 3.0, measure_reading(tmp_path / "store", SIZES.passages, gathers=2))
    store = MemoryStore(tmp_path / "store", verify=True)
    assert (len(store), store.manifest["tokens"], store.codec.bytes_per_token) == (60, 180, 8)
    assert growth_table([growth]).splitlines()[2].split("|")[1:3] == [" 60       ", " 1.44 kB "]
    content = growth.content()
    assert content["bytes"] == 60 * 3 * 4 * 2
    assert content["write_s_per_1000"] == pytest.approx(100)
    assert content["write_processor_s_per_1000"] == pytest.approx(50)


def test_the_benchmark_writes_both_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measured(path: Path, sizes: Sizes) -> Growth:
        write_synthetic(path, sizes)
        return Growth(sizes, 1.0, 1.0, measure_reading(path, sizes.passages, gathers=1))

    monkeypatch.setattr(memory_speed, "measure_growth", measured)  # in this process
    monkeypatch.setattr(memory_speed, "measure_formats", lambda path, sizes: {"one way": 2e9})
    output = tmp_path / "results" / "growth.json"
    monkeypatch.setattr(memory_speed, "DECODED", Sizes(passages=30, tokens=8, width=64))
    assert main(["memory", "benchmark", "--passages", "5,9", "--output", str(output), "--dir", str(tmp_path)]) == 0
    content = json.loads(output.read_text())
    assert [growth["passages"] for growth in content["growth"]] == [5, 9]
    assert (content["tokens"], content["width"], content["formats_bytes_per_second"]) == (16, 8, {"one way": 2e9})
    assert capsys.readouterr().out == output.with_suffix(".md").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
