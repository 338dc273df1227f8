"""Imports run one way: no room knows one above it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import glimmer

PACKAGE = Path(glimmer.__file__).parent
LAYERS = (
    ("errors", "options", "precision", "threads", "registry", "plugins"),
    ("data", "retrieval"),
    ("memory",),
    ("models",),
    ("tasks", "criterions", "dense"),
    ("evaluation",),
    ("training",),
    ("config",),
    ("inference",),
    ("analysis",),
    ("cli",),
)
HEIGHT = {room: height for height, layer in enumerate(LAYERS) for room in layer}


def imported(node: ast.AST) -> Iterator[str]:
    """The rooms that a file imports from, but for names that types alone need."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        modules = [child.module or ""] if isinstance(child, ast.ImportFrom) else []
        modules += [item.name for item in child.names] if isinstance(child, ast.Import) else []
        yield from (module.split(".")[1] for module in modules if module.startswith("glimmer."))
        yield from imported(child)


def test_every_room_has_its_place() -> None:
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} <= set(HEIGHT)


@pytest.mark.parametrize("room", HEIGHT)
def test_a_room_knows_none_above_it(room: str) -> None:
    files = [PACKAGE / f"{room}.py"] if (PACKAGE / f"{room}.py").exists() else sorted((PACKAGE / room).rglob("*.py"))
    assert files
    for file in files:
        above = {other for other in imported(ast.parse(file.read_text())) if HEIGHT[other] > HEIGHT[room]}
        assert not above, f"{file.relative_to(PACKAGE)} imports {', '.join(sorted(above))}"
