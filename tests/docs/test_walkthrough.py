"""The pages that walk through something work as they stand, and name what exists."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_runs import write_corpus

import glimmer.config.load  # noqa: F401 - registers the built-ins
from glimmer.registry import Registry

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "add_a_component.md"


def walk(page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).with_name("walkthrough.py")), str(page)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("page", ["add_a_component.md", "knowledge_source.md", "your_own_data.md"])
def test_a_page_works_from_top_to_bottom(page: str, tmp_path: Path) -> None:
    write_corpus(tmp_path / "data" / "factbook")
    done = walk(PAGE.with_name(page), tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_run_leaves_what_the_page_on_data_says(tmp_path: Path) -> None:
    page = PAGE.with_name("your_own_data.md")
    assert walk(page, tmp_path).returncode == 0
    table = page.read_text().split("## What a run leaves")[1]
    named = {
        name.rstrip("/") for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`([^`]+)`", row)
    }
    assert {path.name for path in (tmp_path / "runs" / "lakes").iterdir()} == named


def test_the_page_calls_nothing_that_torch_refuses_on_cuda_under_deterministic_algorithms() -> None:
    refused = (torch.use_deterministic_algorithms.__doc__ or "").partition("operations will throw a")[2]
    names = re.findall(r":func:`[\w.]*?(\w+)` when called on a CUDA tensor", refused)
    assert "cumsum" in names
    assert not [name for name in names if f"{name}(" in PAGE.read_text()]


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("```bash\nls nowhere\n```\n", "page.md:1: failed"),
        ("```bash fails\nls\n```\n", "page.md:1: succeeded"),
        ("A line.\n\n```bash\necho one\n```\n```text\ntwo\n```\n", "page.md:6: 'two' is not in"),
    ],
)
def test_a_page_that_is_wrong_is_noticed(tmp_path: Path, page: str, message: str) -> None:
    (tmp_path / "page.md").write_text(page)
    done = walk(tmp_path / "page.md", tmp_path)
    assert done.returncode == 1
    assert message in done.stderr


def test_every_kind_stands_in_the_page_s_table() -> None:
    rows = re.findall(r"^\| ([\w, ]+) \| `", PAGE.read_text(), re.MULTILINE)
    assert sorted(kind for row in rows for kind in row.split(", ")) == sorted(Registry.kinds)
