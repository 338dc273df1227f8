"""``glimmer memory compare`` measures a run with each codec, once, and tells what each stores and how it answers."""

import json
from pathlib import Path
from typing import Any

import pytest
from small_runs import small_run, write_corpus

from glimmer.analysis import codecs as module
from glimmer.cli.main import main
from glimmer.inference.run import LoadedRun, load_run
from glimmer.memory import MemoryStore, StoredMemory
from glimmer.models.reader import Reader
from glimmer.training.run import train

FIGURES = {"bytes_per_token", "compression", "average", "gather_decode_ms", "encode_s"}
QUANTISED: dict[str, Any] = {"name": "quantised", "codes": 16, "sample": 64, "batches": 2, "iterations": 2, "rounds": 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("data") / "corpus")


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(small_run(data, tmp_path_factory.mktemp("runs") / "raw"))


def compare(run: Path, output: Path, *options: str) -> dict[str, dict[str, float]]:
    assert main(["memory", "compare", str(run), "--output", str(output), "--timed", "1", *options]) == 0
    found: dict[str, dict[str, float]] = json.loads(output.read_text())
    return found


def test_every_codec_is_measured_once_and_told_in_three_files(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["raw", "raw,dtype=float32", "first_tokens,count=4+int8", "residual,codes=16,stages=2"]
    options = [f"--codec={name}" for name in names]

    def score(reading: LoadedRun, split: str, limit: int | None) -> dict[str, dict[str, float]]:
        """A score that tells which store was read."""
        assert isinstance(reading.reader, Reader)
        assert isinstance(reading.reader.memory, StoredMemory)
        return {"open_qa": {"score": reading.reader.memory.store.codec.bytes_per_token / 100}}

    monkeypatch.setattr(module, "evaluate_run", score)
    found = compare(run, tmp_path / "codecs.json", *options)
    assert list(found) == names
    assert {frozenset(figures) for figures in found.values()} == {frozenset(FIGURES)}
    loaded = load_run(run)
    lengths = [len(loaded.collator.encode_passage(passage)) for passage in loaded.corpus.passages()]
    sizes = [found[name]["bytes_per_token"] for name in names]
    assert sizes == pytest.approx([32, 64, 4 * (16 + 4) * len(lengths) / sum(lengths), 1])
    assert [figures["compression"] for figures in found.values()] == pytest.approx([32 / size for size in sizes])
    assert [figures["average"] for figures in found.values()] == pytest.approx([32, 64, 20, 1])
    assert all(figures["gather_decode_ms"] > 0 and figures["encode_s"] > 0 for figures in found.values())
    table = (tmp_path / "codecs.md").read_text()
    assert "\n| `first_tokens,count=4+int8` " in table
    assert "(codecs.png)" in table
    assert f"glimmer memory compare {run} --codec=raw --codec=raw,dtype=float32" in table
    assert (tmp_path / "codecs.png").stat().st_size > 0
    assert not [*run.glob("codecs/*/store")]

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("measured a second time")

    monkeypatch.setattr(module, "encode_passages", refuse)
    assert compare(run, tmp_path / "again.json", *options) == found
    with pytest.raises(AssertionError, match="a second time"):
        compare(run, tmp_path / "other.json", "--codec=raw", "--limit=2")
    assert not (tmp_path / "other.json").exists()


def test_a_measurement_that_was_stopped_is_begun_again(run: Path, tmp_path: Path) -> None:
    left = run / "codecs" / "int8-dev" / "store"
    left.mkdir(parents=True)
    (left / "stranger").touch()
    assert set(compare(run, tmp_path / "codecs.json", "--codec=int8", "--keep")) == {"int8"}
    assert len(MemoryStore(left)) == len(load_run(run).corpus.passages())


def test_a_run_with_quantised_memory_stands_beside_with_its_own_codebooks(
    data: Path, run: Path, tmp_path: Path
) -> None:
    config = small_run(
        data, tmp_path / "quantised", memory=QUANTISED, trainer={"steps": 4, "questions": 4, "device": "cpu"}
    )
    other = train(config)
    found = compare(run, tmp_path / "codecs.json", "--codec=raw", f"--beside={other}", "--keep")
    assert list(found) == ["raw", "quantised"]
    assert found["quantised"]["bytes_per_token"] == 2
    store = MemoryStore(other / "codecs" / "quantised-dev" / "store")
    memory = load_run(other).reader.state_dict()["memory.codebooks"]
    assert (store.codec.arrays()["codebooks"] == memory.numpy()).all()


def test_codecs_to_compare_are_chosen_for_the_width(run: Path) -> None:
    names = module.default_codecs(load_run(run))
    assert names[0] == "raw"
    assert len(set(names)) == len(names)
    for kind, pieces in (("product", "subspaces=2"), ("residual", "subspaces=1,stages=2")):
        assert f"{kind},{pieces}" in names  # width 16: one bit a dimension


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--codec", "rwa"], "did you mean 'raw'"),
        (["--codec", "product,subspaces=3"], "16 dimensions are not cut evenly into 3 subspaces"),
        (["--codec", "raw", "--codec", "int8,dtype=1"], "dtype"),
    ],
)
def test_codecs_that_cannot_work_are_refused_before_anything_is_measured(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    before = sorted(run.rglob("*"))
    assert main(["memory", "compare", str(run), "--output", str(tmp_path / "out.json"), *options]) == 1
    assert message in capsys.readouterr().err
    assert sorted(run.rglob("*")) == before
    assert not (tmp_path / "out.json").exists()
