"""What a run was made with: versions, the git revision, seeds."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import glimmer

PACKAGES = ("glimmer", "torch", "numpy", "hydra-core", "omegaconf", "tokenizers", "safetensors", "sacrebleu")


def describe_environment(device: torch.device, seed: int, ranks: int, step: int) -> dict[str, Any]:
    """One session of a run: what it was made with, and the step that it began at."""
    return {
        "from_step": step,
        "seed": seed,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": {name: _version(name) for name in PACKAGES},
        "git": git_revision(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "ranks": ranks,
    }


def git_revision(package: Path = Path(glimmer.__file__)) -> dict[str, Any] | None:
    """The commit that ``package`` is checked out from and whether files differ from it; None where it is installed.

    A repository that merely has the installation somewhere within it says nothing of the package.
    """
    folder = package.parent
    tracked = _git(folder, "ls-files", "--error-unmatch", package.name)
    commit = _git(folder, "rev-parse", "HEAD")
    if tracked is None or commit is None:
        return None
    return {"commit": commit, "changed": bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
