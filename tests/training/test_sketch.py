"""A run without data and weights: parts are checked, what is missing is named, and no memory is taken."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_runs import small_run, write_corpus

from glimmer.cli.main import main
from glimmer.config.compose import compose_run
from glimmer.config.load import load_run_config
from glimmer.errors import ConfigError, DataError
from glimmer.models.build import build_reader, sketch_reader
from glimmer.models.reader import count_parameters
from glimmer.training.build import plain
from glimmer.training.distributed import Group
from glimmer.training.run import prepare_tokenizer
from glimmer.training.sketch import sketch

INITIALISERS = ("t5", "copy_path")
STATUS = Path("/proc/self/status")
PEAK = "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"


@pytest.mark.parametrize("initialiser", INITIALISERS)
def test_a_sketch_has_the_shapes_of_the_reader_and_no_values(initialiser: str, tmp_path: Path) -> None:
    model = {"name": "reader", "live_layers": 1, "rerank_layers": 1, "initialiser": initialiser}
    config = small_run(write_corpus(tmp_path), tmp_path / "run", model=model)
    tokenizer = prepare_tokenizer(config, Group())
    reader, drawn = build_reader(config, tokenizer), sketch_reader(config, tokenizer.vocabulary)
    shapes = {name: parameter.shape for name, parameter in reader.named_parameters()}
    assert {name: parameter.shape for name, parameter in drawn.named_parameters()} == shapes
    assert all(parameter.is_meta for parameter in drawn.parameters())
    assert not any(parameter.is_meta for parameter in reader.parameters())


def test_a_sketch_draws_no_random_number() -> None:
    config = compose_run(["experiment=pretrain"])
    torch.manual_seed(7)
    before = torch.get_rng_state()
    sketch(config)
    assert torch.equal(torch.get_rng_state(), before)


def test_nothing_is_missing_where_all_is_there(tmp_path: Path) -> None:
    config = small_run(write_corpus(tmp_path), tmp_path / "run")
    assert sketch(config).missing == ()
    (tmp_path / "open_qa-dev.jsonl").unlink()
    assert sketch(config).missing == (tmp_path / "open_qa-dev.jsonl",)


def test_one_of_kilts_sets_is_missed_under_the_name_it_is_fetched_by(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path)
    config = compose_run(["experiment=fid", "task=[nq]", "callback=[progress]", f"data.dir={folder}"])
    assert sketch(config).missing == (folder / "nq-train-kilt.jsonl",)
    (folder / "nq-train.jsonl").write_text("")
    assert sketch(config).missing == ()


def test_candidates_within_a_fusion_count_too(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path)
    of = {"found": {"name": "precomputed", "path": f"{folder}/found-{{name}}.jsonl"}, "bm25": {"name": "bm25"}}
    retrievers = {"default": {"name": "fusion", "of": of}}
    mapping = plain(small_run(folder, tmp_path / "run"))
    config = load_run_config(mapping | {"data": mapping["data"] | {"retrievers": retrievers}})
    assert sketch(config).missing == tuple(folder / f"found-open_qa-{split}.jsonl" for split in ("train", "dev"))


def test_a_store_is_missed_and_never_opened(tmp_path: Path) -> None:
    stored = ["memory=stored", f"memory.path={tmp_path / 'store'}", f"data.dir={write_corpus(tmp_path)}"]
    found = sketch(compose_run(["experiment=lumen", "task=[open_qa]", *stored]))
    assert found.missing == (tmp_path / "store",)
    trains = {name.split(".")[0] for name, p in found.reader.named_parameters() if not p.requires_grad}
    assert trains == {"encoder"}, "as with frozen memory"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ("+optimizer.groups.tables={pattern: tables}", ConfigError, "optimizer.groups.tables.pattern 'tables' matches"),
        ("trainer.fresh=haed", ConfigError, "trainer.fresh 'haed' matches no parameter of the reader"),
        ("decoder.width=24", None, ""),
        ("tokenizer.file=gone.json", DataError, "gone.json: No such file"),
    ],
)
def test_what_does_not_fit_is_refused_without_data(change: str, error: type[Exception] | None, message: str) -> None:
    config = compose_run(["experiment=fid", change])
    if error is None:
        assert count_parameters(sketch(config).reader)
        return
    with pytest.raises(error, match=message):
        sketch(config)


def test_the_command_lists_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["validate", "--no-data", "experiment=fid", "task=[open_qa]"]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith("missing    data/factbook: passages.jsonl, open_qa-train.jsonl, open_qa-dev.jsonl\n")
    assert "task       open_qa\n" in printed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not STATUS.exists(), reason="the peak of a process's memory is read from /proc")
@pytest.mark.parametrize("command", [["validate", "--no-data"], ["compute"]])
def test_eleven_billion_parameters_take_less_than_a_gigabyte(command: list[str]) -> None:
    arguments = [*command, "experiment=paper/glimmer_xxl"]
    code = f"from glimmer.cli.main import main; assert main({arguments!r}) == 0; {PEAK}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *printed, peak = run.stdout.splitlines()
    assert "11,135,342,593" in "\n".join(printed)
    assert int(peak) < 1024**2, "kB at the highest"
