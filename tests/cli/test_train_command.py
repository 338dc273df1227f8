"""``glimmer train`` and ``glimmer validate``: Hydra's command line over a small run."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from small_runs import STACK, write_corpus

from glimmer.cli.main import main
from glimmer.data.kilt import read_records, write_records

STACK_OPTIONS = [f"{part}.{key}={value}" for part in ("encoder", "decoder") for key, value in STACK.items()]
SMALL = [
    "experiment=glimmer",
    "task=[open_qa]",
    "callback=[metrics_jsonl]",
    "data.dir=corpus",
    "data.retrieved=3",
    "tokenizer.vocabulary=300",
    *STACK_OPTIONS,
    "encoder.width=16",
    "model.live_layers=1",
    "selector.kept=1",
    "trainer.steps=2",
    "trainer.questions=2",
    "trainer.device=cpu",
    "trainer.processes=1",
    "trainer.initialise=null",
    "tokenizer.file=null",
    "run_dir=run",
]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of its own; Hydra reads ``sys.argv``."""
    write_corpus(tmp_path / "corpus")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", sys.argv)


def test_a_run_is_trained_into_its_folder_and_nowhere_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *SMALL]) == 0
    assert capsys.readouterr().out == "trained: run\n"
    assert {path.name for path in tmp_path.iterdir()} == {"corpus", "run"}
    assert (tmp_path / "run" / "config.yaml").exists()


def test_a_sweep_trains_every_combination_and_reports_those_that_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = [item for item in SMALL if not item.startswith("selector.kept")]
    assert main(["train", "--multirun", *keys, "selector.kept=9,1,2"]) == 1
    error = capsys.readouterr().err
    assert "glimmer: error: run-sweep/selector.kept=9: selector.kept = 9 is more than data.retrieved = 3" in error
    assert "Traceback" not in error
    for kept in (1, 2):
        lines = (tmp_path / "run-sweep" / f"selector.kept={kept}" / "metrics.jsonl").read_text().splitlines()
        assert json.loads(lines[-1])["step"] == 2


def test_the_composed_configuration_can_be_printed_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *SMALL, "--cfg", "job"]) == 0
    printed = capsys.readouterr().out
    assert "run_dir: run\n" in printed
    assert "hydra:" not in printed
    assert not (tmp_path / "run").exists()


def test_help_names_the_groups_and_their_choices(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["train", "--help"])
    printed = capsys.readouterr().out
    assert "  reranker: first_token, max_pool, max_sim, mean_pool, none, similarity, sum\n" in printed
    assert "schema" not in printed


@pytest.mark.parametrize("command", ["train", "validate"])
def test_a_mistake_is_one_line_and_leaves_nothing(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for change, message in (
        ("selector.kep=1", "unknown key 'selector.kep'; did you mean 'selector.kept'?"),
        ("selector.kept=4", "selector.kept = 4 is more than data.retrieved = 3"),
        ("task=[slot_filling]", "corpus/slot_filling-train.jsonl: no such file"),
        ("user_dir=nowhere", "user_dir=nowhere: no such folder"),
    ):
        assert main([command, *SMALL, change]) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"glimmer: error: {message}")
        assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


STOPPED = {
    "weights of another width": (
        ["trainer.initialise=start/checkpoints/last.pt", "encoder.width=24"],
        "does not fit this",
    ),
    "weights of another join": (
        ["trainer.initialise=start/checkpoints/last.pt", "join=prepend"],
        "does not fit this reader",
    ),
    "weights that are not there": (["trainer.initialise=start.pt"], "trainer.initialise=start.pt: start.pt: no such"),
    "a damaged checkpoint": (["trainer.initialise=broken.pt"], "broken.pt: damaged, or not a checkpoint"),
    "a group of no parameter": (
        ["+optimizer.groups.tables={pattern: tables}"],
        "optimizer.groups.tables.pattern 'tables' matches no parameter that trains",
    ),
    "the memory of other weights": (
        ["memory=stored", "memory.path=store", "trainer.initialise=other/checkpoints/last.pt"],
        "not made by this reader: encoder weights",
    ),
    "candidates that are not there": (
        ["retriever@data.retrievers.default=precomputed", "data.retrievers.default.path=found.jsonl"],
        "found.jsonl: No such file or directory; expected a file of candidates",
    ),
    "a split that is not there": (
        ["callback=[evaluation]", "callbacks.evaluation.split=dve"],
        "callbacks.evaluation.split=dve: corpus/open_qa-dve.jsonl: no such file; did you mean 'open_qa-dev.jsonl'?",
    ),
    "more ranks than questions": (["trainer.processes=3"], "trainer.questions: 2 an update are too few for 3 ranks"),
    "another run's folder": (
        ["callback=[checkpoint]", "run_dir=start", "seed=2"],
        "start holds a run with seed=1, this one has seed=2",
    ),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two trained runs, the store of one, and what is left of a checkpoint."""
    folder = tmp_path_factory.mktemp("made")
    write_corpus(folder / "corpus")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        patched.setattr(sys, "argv", sys.argv)
        for name, seed in (("start", 1), ("other", 3)):
            assert main(["train", *SMALL, "callback=[checkpoint]", f"run_dir={name}", f"seed={seed}"]) == 0
        assert main(["encode", "start", "--output", "store"]) == 0
    (folder / "broken.pt").write_bytes(b"PK")
    return folder


@pytest.mark.parametrize("command", ["train", "validate"])
@pytest.mark.parametrize("mistake", STOPPED)
def test_what_training_refuses_at_its_start_validate_refuses_and_nothing_is_written(
    command: str, mistake: str, made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, message = STOPPED[mistake]
    monkeypatch.chdir(made)
    before = files(made)
    assert main([command, *SMALL, *changes]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert files(made) == before


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_validate_says_what_would_be_trained_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(tmp_path)
    assert main(["validate", *SMALL, "callback=[tensorboard,metrics_jsonl,evaluation,checkpoint]"]) == 0
    printed = capsys.readouterr().out
    assert "t5: 2 layers = 1 memory + 1 live, of which 1 before the score" in printed
    assert "passages   3 a question; reranker max_pool, selector top_m keeps 1" in printed
    assert "open_qa  8 train, 4 dev" in printed
    assert files(tmp_path) == before


def test_validate_reads_the_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "corpus" / "open_qa-train.jsonl"
    file.write_text(file.read_text() + '{"id": "broken"}\n')
    assert main(["validate", *SMALL]) == 1
    assert "corpus/open_qa-train.jsonl:9: " in capsys.readouterr().err


@pytest.mark.parametrize(("command", "split"), [("train", "train"), ("validate", "train"), ("validate", "dev")])
def test_a_slot_that_names_no_relation_is_refused_before_the_first_step(
    command: str, split: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("train", "dev"):
        records = read_records(tmp_path / "corpus" / f"open_qa-{name}.jsonl")
        slots = [
            replace(r, input=f"{r.id} [SEP] capital" if name != split or i < 2 else r.input)
            for i, r in enumerate(records)
        ]
        write_records(tmp_path / "corpus" / f"slot_filling-{name}.jsonl", slots)
    assert main([command, *SMALL, "task=[slot_filling]", "callback=[metrics_jsonl,evaluation]"]) == 1
    where = f"corpus/slot_filling-{split}.jsonl:3: record '{'q2' if split == 'train' else 'q10'}'"
    assert f"{where}: task slot_filling: expected 'subject [SEP] relation'" in capsys.readouterr().err
    assert not (tmp_path / "run" / "metrics.jsonl").exists()
