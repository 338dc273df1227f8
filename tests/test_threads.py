"""A thread that keeps to one core takes none from the others."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from glimmer.threads import one_core


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def cores_after_work() -> int:
    """As many cores as this thread's operations take; a thread's first operation may set that number."""
    torch.ones(1 << 18).exp_()
    return torch.get_num_threads()


@pytest.mark.usefixtures("three_threads")
def test_the_thread_alone_keeps_to_one_core() -> None:
    with ThreadPoolExecutor(1, initializer=one_core) as kept, ThreadPoolExecutor(1) as other:
        assert kept.submit(cores_after_work).result() == 1
        assert other.submit(cores_after_work).result() == 3
        assert cores_after_work() == 3
        assert kept.submit(cores_after_work).result() == 1
