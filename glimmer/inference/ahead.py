"""An iterator that runs ahead of whoever reads it, in a thread of its own."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from glimmer.threads import one_core

T = TypeVar("T")


@contextmanager
def ahead(items: Iterator[T], most: int = 128) -> Iterator[Iterator[T]]:
    """The same items, of which up to ``most`` are made before they are asked for.

    What the iterator raises is raised where the item would have been; it is stopped when the block ends.
    """
    made: queue.Queue[tuple[T | None, BaseException | None, bool]] = queue.Queue(most)
    stopped = threading.Event()

    def put(item: T | None, error: BaseException | None, last: bool) -> None:
        while not stopped.is_set():
            try:
                made.put((item, error, last), timeout=0.1)
            except queue.Full:
                continue
            return

    def make() -> None:
        try:
            one_core()
            for item in items:
                put(item, None, False)
                if stopped.is_set():
                    return
            put(None, None, True)
        except BaseException as error:  # noqa: BLE001 - raised again in the other thread
            put(None, error, True)

    def take() -> Iterator[T]:
        while True:
            item, error, last = made.get()
            if error is not None:
                raise error
            if last:
                return
            yield item  # type: ignore[misc]

    thread = threading.Thread(target=make, name="ahead", daemon=True)
    thread.start()
    try:
        yield take()
    finally:
        stopped.set()
        thread.join()
