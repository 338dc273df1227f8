"""Carry out a page of documentation in the working directory: ``python walkthrough.py PAGE.md``.

A fenced block ```` ```python FILE ```` or ```` ```yaml FILE ```` is written to FILE; every line of a ``bash`` block is
run, and must succeed unless the block is marked ``bash fails``; every line of a ``text`` block must stand in what the
block before it printed. All commands share one process, so that torch is imported once.
"""

import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from glimmer.cli.main import main

FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> Iterator[tuple[str, str, str, int]]:
    """Language, second word, content and line number of every fenced block."""
    for found in FENCE.finditer(page):
        yield found[1], found[2] or "", found[3], page.count("\n", 0, found.start()) + 1


def perform(page: Path) -> None:
    """Carry out every block; the first that does not do as it says ends the process with its line number."""
    printed = ""
    for language, word, content, line in blocks(page.read_text(encoding="utf-8")):
        if language == "bash":
            printed, failed = "", False
            for command in content.splitlines():
                text, status = run(shlex.split(command))
                printed, failed = printed + text, failed or status != 0
            if failed != (word == "fails"):
                sys.exit(f"{page.name}:{line}: {'succeeded' if not failed else 'failed'}:\n{printed}")
        elif language == "text":
            for expected in content.splitlines():
                if expected.strip() not in printed:
                    sys.exit(f"{page.name}:{line}: {expected!r} is not in what was printed:\n{printed}")
        else:
            Path(word).parent.mkdir(parents=True, exist_ok=True)
            Path(word).write_text(content, encoding="utf-8")


def run(command: list[str]) -> tuple[str, int]:
    """What a command prints, and its exit status."""
    name, *arguments = command
    output = io.StringIO()
    if name not in ("glimmer", "pytest"):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr, done.returncode
    with redirect_stdout(output), redirect_stderr(output):
        status = main(arguments) if name == "glimmer" else int(pytest.main([*arguments, "-p", "no:cacheprovider"]))
    return output.getvalue(), status


if __name__ == "__main__":
    perform(Path(sys.argv[1]))
