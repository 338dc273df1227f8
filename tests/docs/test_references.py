"""What the documentation names, exists: files, links, modules, classes and functions."""

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "glimmer"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("examples/*/*.md"))]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
EQUATIONS = ARCHITECTURE.split("## Equations", 1)[1].split("\n## ", 1)[0]
ROWS = [line for line in EQUATIONS.splitlines() if line.startswith("| ")][2:]


def names(file: Path) -> set[str]:
    """``function``, ``Class`` and ``Class.method`` of a file."""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
    return found


@pytest.mark.parametrize("row", ROWS)
def test_an_equation_stands_where_the_table_says(row: str) -> None:
    quoted = re.findall(r"`([^`]+)`", row.rsplit("|", 2)[1])
    assert quoted
    file = None
    named = 0
    for item in quoted:
        if item.endswith(".py"):
            file = PACKAGE / item
            assert file.is_file(), f"{item}: no such file"
            continue
        assert file is not None, f"{item} stands before any file"
        assert item in names(file), f"{item} is not in {file.relative_to(PACKAGE)}"
        named += 1
    assert named, "no function or class is named"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_dotted_names_can_be_imported(page: Path) -> None:
    for dotted in set(re.findall(r"`(glimmer(?:\.\w+)+)`", page.read_text())) - {"glimmer.plugins"}:
        module, _, name = dotted.rpartition(".")
        try:
            importlib.import_module(dotted)
        except ModuleNotFoundError:
            assert hasattr(importlib.import_module(module), name), dotted


def test_every_folder_of_the_package_is_a_room() -> None:
    rooms = set(re.findall(r"`glimmer/(\w+)/`", ARCHITECTURE.split("## Values", 1)[0]))
    folders = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}
    assert rooms == folders


def test_every_file_of_the_layout_exists() -> None:
    for item in re.findall(r"`((?:glimmer|docs|scripts|tests|examples)/[\w./]*)`", ARCHITECTURE):
        assert (ROOT / item).exists(), item
