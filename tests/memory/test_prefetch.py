"""Prefetching decides when a value is fetched and by which thread, never which value or error the caller gets."""

import threading
import time
from collections.abc import Callable

import pytest
import torch
from threads import threads_named

from glimmer.errors import StoreError
from glimmer.memory.prefetch import Prefetcher


def until(condition: Callable[[], bool]) -> None:
    """Wait for another thread, not for ever."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("the other thread never came so far")


class Source:
    """Fetches squares, and remembers what was asked of it by which thread."""

    def __init__(self) -> None:
        self.fetched: list[int] = []
        self.threads: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, key: int) -> int:
        self.gate.wait(5)
        self.fetched.append(key)
        self.threads.add(threading.current_thread().name)
        if key < 0:
            raise StoreError(f"there is no {key}")
        return key * key


@pytest.mark.parametrize("most", [0, 1, 3])
def test_values_are_those_asked_for_whatever_was_expected(most: int) -> None:
    prefetcher = Prefetcher(Source(), most)
    prefetcher.expect([1, 2, 2, 3, 4])
    assert [prefetcher.take(key) for key in (1, 7, 2, 2, 4, 3, 4)] == [1, 49, 4, 4, 16, 9, 16]
    prefetcher.expect([5, 6])
    assert [prefetcher.take(key) for key in (6, 5)] == [36, 25]
    prefetcher.expect(())


def test_no_more_are_fetched_ahead_than_allowed() -> None:
    source = Source()
    prefetcher = Prefetcher(source, 2)
    prefetcher.expect(range(10))
    for key in range(10):
        until(lambda: len(source.fetched) == min(10, key + 2))  # noqa: B023 - asked at once
        time.sleep(0.01)
        assert source.fetched == list(range(min(10, key + 2)))
        assert prefetcher.take(key) == key * key
    assert source.fetched == list(range(10))
    assert all(name.startswith("prefetch") for name in source.threads)
    prefetcher.expect(())


def test_what_is_expected_still_is_not_fetched_twice_and_the_rest_is_given_up() -> None:
    source = Source()
    prefetcher = Prefetcher(source, 3)
    source.gate.clear()
    prefetcher.expect([1, 2, 3])
    prefetcher.expect([1, 3, 4])  # 1 is being fetched, 2 has not been
    source.gate.set()
    assert [prefetcher.take(key) for key in (1, 3, 4)] == [1, 9, 16]
    assert source.fetched == [1, 3, 4]
    prefetcher.expect(())


def test_nothing_is_fetched_by_another_thread_that_nobody_expects() -> None:
    source = Source()
    prefetcher = Prefetcher(source, 2)
    assert prefetcher.take(3) == 9
    assert source.threads == {threading.current_thread().name}


def test_an_error_comes_out_where_its_value_is_taken() -> None:
    prefetcher = Prefetcher(Source(), 3)
    prefetcher.expect([1, -2, 3])
    assert prefetcher.take(1) == 1
    with pytest.raises(StoreError, match=r"^there is no -2$"):
        prefetcher.take(-2)
    assert prefetcher.take(3) == 9
    prefetcher.expect([-4, 5])
    assert prefetcher.take(5) == 25, "what is never taken raises nothing"
    prefetcher.expect(())


def test_the_thread_ends_with_what_is_expected() -> None:
    threads = threads_named("prefetch")
    prefetcher = Prefetcher(Source(), 2)
    prefetcher.expect(range(100))
    assert threads_named("prefetch") == threads + 1
    prefetcher.expect(())
    assert threads_named("prefetch") == threads
    prefetcher.expect([4])
    assert prefetcher.take(4) == 16
    prefetcher.expect(())
    assert threads_named("prefetch") == threads


def test_fetching_leaves_all_cores_but_one_to_whoever_asks() -> None:
    prefetcher = Prefetcher(lambda _: torch.get_num_threads(), 1)
    before = torch.get_num_threads()
    prefetcher.expect(["its own"])
    assert prefetcher.take("its own") == 1
    assert torch.get_num_threads() == before
    prefetcher.expect(())
