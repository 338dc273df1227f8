"""Who may write a store, and which of its generations are being read: locks, which end with their processes."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glimmer.errors import StoreError
from glimmer.memory.layout import LOCK


@contextmanager
def writer_lock(store: Path, *, shared: bool = False) -> Iterator[None]:
    """Be the only writer of a store, or one of several that each write a part of it.

    Raises:
        StoreError: another process writes it.
    """
    with _locked(store / LOCK, shared, f"{store} is being written by another process; wait until it is done"):
        yield


@contextmanager
def part_lock(work: Path, number: int, of: int) -> Iterator[None]:
    """Be the only writer of one of ``of`` parts of a store.

    Raises:
        StoreError: another process writes it, or a part of another number of parts.
    """
    part = f"{number}-of-{of}"
    with _locked(work / f"{LOCK}.{part}", False, f"{work.parent}: its part {part} is being written by another process"):
        for file in (file for file in work.glob(f"{LOCK}.*-of-*") if not file.name.endswith(f"-of-{of}")):
            with unless_held(file) as free:
                if not free:
                    raise StoreError(
                        f"{work.parent}: its part {file.name.removeprefix(f'{LOCK}.')} is being written by another "
                        f"process, so there is no part {part}; cut it into as many parts, or wait until that is done"
                    )
        yield


@contextmanager
def publish_lock(store: Path) -> Iterator[None]:
    """Wait to be the only one that publishes a generation of a store."""
    with (store / f"{LOCK}.publish").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _locked(path: Path, shared: bool, refusal: str) -> Iterator[None]:
    with path.open("a") as file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(refusal) from None
        yield


class Reading:
    """Holds a file as one that is being read, until it is closed or nothing refers to it."""

    _descriptor = -1

    def __init__(self, path: Path) -> None:
        """Wait for whoever removes the file, if anyone does.

        Raises:
            FileNotFoundError: it is gone.
        """
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)
        if not path.exists():  # it was removed before the lock was ours
            self.close()
            raise FileNotFoundError(path)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()


@contextmanager
def unless_held(path: Path) -> Iterator[bool]:
    """Whether nobody holds the file as its reader or writer, nor begins to until the block ends."""
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
