"""Fetch what is about to be asked for in a thread of its own, while whoever asks is at work on something else."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from glimmer.threads import one_core

K = TypeVar("K")
V = TypeVar("V")


@dataclass
class _Expected(Generic[K, V]):
    key: K
    future: Future[V] | None = None
    """None = not begun."""


class Prefetcher(Generic[K, V]):
    """Fetches up to ``most`` expected values before they are taken; one thread expects and takes.

    What is expected decides when a value is fetched, never which one is given.
    """

    def __init__(self, fetch: Callable[[K], V], most: int) -> None:
        self._fetch, self._most = fetch, most
        self._expected: deque[_Expected[K, V]] = deque()
        self._thread: ThreadPoolExecutor | None = None

    def expect(self, keys: Iterable[K]) -> None:
        """Expect ``keys``, in this order, and nothing else any more; without any the thread ends."""
        begun = {item.key: item for item in self._expected if item.future is not None}
        self._expected = deque(begun.pop(key) if key in begun else _Expected(key) for key in keys)
        for item in begun.values():
            _give_up(item)
        self._begin()
        if not self._expected and self._thread is not None:
            self._thread.shutdown(cancel_futures=True)
            self._thread = None

    def take(self, key: K) -> V:
        """The value of ``key``, fetched before or now; what was expected before it is given up.

        Raises:
            Exception: whatever fetching it raised.
        """
        place = next((place for place, item in enumerate(self._expected) if item.key == key), None)
        if place is None:
            return self._fetch(key)
        for _ in range(place):
            _give_up(self._expected.popleft())
        item = self._expected.popleft()
        self._begin()
        return self._fetch(key) if item.future is None else item.future.result()

    def _begin(self) -> None:
        for item in islice(self._expected, self._most):
            if item.future is None:
                if self._thread is None:
                    self._thread = ThreadPoolExecutor(1, thread_name_prefix="prefetch", initializer=one_core)
                item.future = self._thread.submit(self._fetch, item.key)


def _give_up(item: _Expected[K, V]) -> None:
    if item.future is not None:
        item.future.cancel()
