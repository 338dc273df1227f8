"""Folders that are never left half-written, and what killed processes leave of files and folders."""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from glimmer.data.files import sync, writing


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which takes its place at ``path`` when the block ends, and is removed where the block fails.

    Its files are on the disk before it takes its place, so that a crash leaves all of it or nothing. What killed
    processes have left of it is removed first.

    Raises:
        WriteError: it cannot be written, or ``path`` is a folder with something in it.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_unfinished(path)
        with _held_folder(path) as folder:
            try:
                yield folder
                for made in folder.rglob("*"):
                    sync(made)
                folder.chmod(0o755)  # mkdtemp makes it for this user alone
                folder.replace(path)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        sync(path.parent)


def remove_folder(path: Path) -> None:
    """Remove a folder in one step: whoever looks, now or after a crash, finds all of it or nothing.

    Raises:
        OSError: it cannot be removed.
    """
    hidden = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    path.replace(hidden)
    shutil.rmtree(hidden)


def unfinished_name(path: Path) -> str | None:
    """The name that a file or folder was to have, or had, whose making or removal is not finished; None of others."""
    found = re.fullmatch(r"\.(.+)\.[a-z0-9_]{8}", path.name)  # as tempfile names them
    return None if found is None else found[1]


def remove_unfinished(path: Path) -> None:
    """Remove what killed processes left of a file or folder that they were making for ``path``.

    A folder that a living process fills stays. Of a file nobody can tell: the caller knows that no one writes it.
    """
    for left in path.parent.glob(f".{path.name}.*"):
        if unfinished_name(left) == path.name:
            with writing(left):
                _remove_unless_held(left) if left.is_dir() else left.unlink()


@contextmanager
def _held_folder(path: Path) -> Iterator[Path]:
    """A hidden folder that is to become ``path``, held as one that is being filled until the block ends."""
    held = None
    while held is None:
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        held = _hold(folder)
    try:
        yield folder
    finally:
        os.close(held)


def _hold(folder: Path) -> int | None:
    """A descriptor that holds a folder; None where another process took it for a killed one's, and removed it."""
    try:
        held = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    fcntl.flock(held, fcntl.LOCK_SH)
    if folder.exists():
        return held
    os.close(held)
    return None


def _remove_unless_held(folder: Path) -> None:
    with suppress(FileNotFoundError, BlockingIOError):  # another removes it as well, or someone is at work in it
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
        finally:
            os.close(descriptor)
