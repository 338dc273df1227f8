"""Several processes of one machine: results, errors and signals come back as from one."""

import os
import signal
import threading
import time
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path

import pytest
import torch

from glimmer.errors import ConfigError, DataError, InterruptionError
from glimmer.training.build import choose_processes
from glimmer.training.config import TrainerConfig
from glimmer.training.distributed import Group
from glimmer.training.launch import launch
from glimmer.training.signals import StopSignals


def meet() -> list[int]:
    with Group.from_environment("cpu") as group:
        return group.gather(10 + group.rank)


def fail(rank: int, error: Exception) -> None:
    """One rank fails, and the others wait for it until its connection breaks."""
    with Group.from_environment("cpu") as group:
        if group.rank == rank:
            raise error
        group.gather(None)


def die() -> None:
    os._exit(7)


def wait_for_signal(folder: Path) -> str | None:
    with StopSignals() as signals:
        (folder / os.environ["RANK"]).touch()
        while signals.received is None:
            time.sleep(0.01)
    return signals.received


def fail_with_something_to_give_back(folder: Path) -> None:
    Finalize(None, (folder / os.environ["RANK"]).touch, exitpriority=0)
    raise DataError("line 3 is broken")


def prepare(folder: Path) -> None:
    """Be busy before anything handles signals."""
    (folder / os.environ["RANK"]).touch()
    time.sleep(30)


def test_processes_find_each_other_and_the_main_ones_result_comes_back() -> None:
    assert launch(meet, 2) == [10, 11]


@pytest.mark.parametrize("rank", [0, 1])
def test_a_users_error_is_raised_as_itself_whichever_process_meets_it(rank: int) -> None:
    with pytest.raises(DataError, match="line 3 is broken"):
        launch(partial(fail, rank, DataError("line 3 is broken")), 2)


def test_a_process_that_failed_gives_back_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        launch(partial(fail_with_something_to_give_back, tmp_path), 2)
    assert len(list(tmp_path.iterdir())) == 2


def test_any_other_failure_brings_its_traceback() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)in fail.*ValueError: odd"):
        launch(partial(fail, 0, ValueError("odd")), 2)


def test_a_death_is_noticed() -> None:
    with pytest.raises(RuntimeError, match="died with exit code 7"):
        launch(die, 2)


def test_a_signal_reaches_every_process_once(tmp_path: Path) -> None:
    def stop_when_ready() -> None:
        while len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop_when_ready, daemon=True).start()
    assert launch(partial(wait_for_signal, tmp_path), 2) == "SIGTERM"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("started", [False, True])
def test_a_signal_before_the_loop_ends_in_one_line(tmp_path: Path, name: str, started: bool) -> None:
    def send() -> None:
        while started and len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.01)
        if not started:
            time.sleep(0.3)  # the processes are still importing
        os.kill(os.getpid(), signal.Signals[name])

    threading.Thread(target=send).start()
    with pytest.raises(InterruptionError, match=f"stopped by {name} outside of the training loop"):
        launch(partial(prepare, tmp_path), 2)


def test_one_process_is_this_one() -> None:
    assert launch(os.getpid, 1) == os.getpid()


def test_the_number_of_processes_follows_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def count(processes: int | None, device: str = "cpu") -> int:
        return choose_processes(TrainerConfig(processes=processes, device=device))

    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert [count(number) for number in (None, 1, 3)] == [2, 1, 3]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert count(None) == 1
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [count(number, "cuda") for number in (None, 2)] == [1, 2]
    with pytest.raises(ConfigError, match=r"trainer\.questions: 2 an update are too few for 3 ranks"):
        choose_processes(TrainerConfig(processes=3, questions=2, device="cpu"))
    with pytest.raises(ConfigError, match=r"trainer\.processes is 3, one a CUDA device at most, and there are 2"):
        count(3, "cuda")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert count(3, "cuda") == 4
