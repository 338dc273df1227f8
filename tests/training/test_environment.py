"""What a run says that it was made with."""

import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

from glimmer.training.environment import describe_environment, git_revision


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_session_says_what_made_it() -> None:
    session = describe_environment(torch.device("cpu"), seed=7, ranks=2, step=30)
    assert (session["seed"], session["ranks"], session["from_step"], session["device"]) == (7, 2, 30, "cpu")
    assert session["packages"]["torch"] == version("torch")
    assert None not in session["packages"].values()


def test_the_revision_is_that_of_the_package(tmp_path: Path) -> None:
    package = tmp_path / "package" / "__init__.py"
    package.parent.mkdir()
    package.touch()
    assert git_revision(package) is None
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "begin")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert git_revision(package) == {"commit": commit, "changed": False}
    package.write_text("1")
    assert git_revision(package) == {"commit": commit, "changed": True}


def test_a_repository_round_an_installation_is_not_its_revision(tmp_path: Path) -> None:
    git(tmp_path, "init")
    (tmp_path / ".gitignore").write_text(".venv")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "begin")
    package = tmp_path / ".venv" / "package" / "__init__.py"
    package.parent.mkdir(parents=True)
    package.touch()
    assert git_revision(package) is None
