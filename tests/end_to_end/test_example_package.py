"""The example package is installed on its own, trains by configuration, and keeps what it promises."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from small_runs import STACK, write_corpus

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "one_way"
SMALL = [
    "task=[open_qa]",
    "data.dir=corpus",
    "data.retrieved=3",
    "tokenizer.vocabulary=300",
    *[f"{part}.{key}={value}" for part in ("encoder", "decoder") for key, value in {**STACK, "layers": 3}.items()],
    "encoder.width=16",
    "model.live_layers=2",
    "selector.kept=2",
    "trainer.steps=2",
    "trainer.questions=2",
    "trainer.device=cpu",
    "trainer.processes=1",
    "trainer.initialise=null",
    "tokenizer.file=null",
    "callback=[metrics_jsonl,checkpoint]",
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package is installed, as pip installs it; built from a copy, so that nothing is left beside it."""
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(EXAMPLE, folder / "source")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    target = ["--no-deps", "--no-build-isolation", "--target", str(folder / "site"), str(folder / "source")]
    subprocess.run([*pip, *target], check=True, timeout=120)
    return folder / "site"


def python(arguments: list[str], folder: Path, site: Path | None) -> str:
    """What Python prints in ``folder``, with the installed package in reach or without it; it must succeed."""
    path = [str(item) for item in (site, ROOT) if item is not None]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def glimmer(commands: list[list[str]], folder: Path, site: Path | None) -> str:
    """What the commands print, one after the other in one process."""
    code = "import json, sys\nfrom glimmer.cli.main import main\nsys.exit(max(map(main, json.loads(sys.argv[1]))))"
    return python(["-c", code, json.dumps(commands)], folder, site)


def test_its_experiment_trains_and_answers(site: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus")
    listed = ["components", "encoder", "one_way"]
    printed = glimmer([listed, ["train", "experiment=one_way", *SMALL], ["evaluate", "runs/one_way"]], tmp_path, site)
    for expected in ("one_way_layers", "glimmer_one_way.encoder", "trained: runs/one_way\n", "open_qa"):
        assert expected in printed
    folder = tmp_path / "runs" / "one_way"
    config = OmegaConf.load(folder / "config.yaml")
    assert (config.encoder.name, config.encoder.one_way_layers) == ("one_way", 1)
    assert (config.reranker.name, config.reranker.heads) == ("multi_head", 4)
    assert json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])["step"] == 2
    figures = json.loads((folder / "evaluation" / "open_qa-dev.json").read_text())["made_by"]
    assert (figures["retrieved"], figures["kept"]) == (3, 2)


def test_its_folder_works_without_being_installed(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "glimmer_one_way", tmp_path / "parts")
    write_corpus(tmp_path / "corpus")
    glimmer([["train", "user_dir=parts", "experiment=one_way", *SMALL]], tmp_path, None)
    assert (tmp_path / "runs" / "one_way" / "checkpoints" / "last.pt").exists()


def test_it_keeps_its_own_promises(site: Path, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    assert "5 passed" in python(["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"], tmp_path, site)
