"""Start the processes of a run on this machine; ``torchrun`` starts them on several."""

import math
import os
import pickle
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import TypeVar

import torch

from glimmer.errors import GlimmerError, InterruptionError
from glimmer.plugins import load_plugins
from glimmer.training.signals import SIGNALS, StopSignals

T = TypeVar("T")

GRACE = 60.0
"""Seconds that processes have to end by themselves, after one of them failed or all are done."""

Outcome = tuple[object, Exception | None]
"""What a process's work returned, or what it raised."""


def launch(work: Callable[[], T], processes: int, user_dir: str | None = None) -> T:
    """Call ``work`` in so many new processes, which share the cores, and return the main one's result.

    ``work`` is pickled, after the plug-ins of ``user_dir`` were imported. A single process, and one that ``torchrun``
    started, calls it itself. SIGINT and SIGTERM are passed on; the second one ends everything at once.

    Raises:
        GlimmerError: what ``work`` raised in a process, the first one's; ``InterruptionError`` where a signal met a
            process before ``work`` handled signals itself.
        RuntimeError: any other failure of a process, with tracebacks, or its death.
    """
    if processes == 1 or "WORLD_SIZE" in os.environ:
        return work()
    context = get_context("spawn")
    port, data = _free_port(), pickle.dumps(work)
    ranks: list[SpawnProcess] = []
    pipes: list[Connection] = []
    try:
        with StopSignals() as signals:
            for rank in range(processes):
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(target=_serve, args=(sender, rank, processes, port, user_dir, data))
                process.start()
                sender.close()  # so that the pipe ends when its process does
                ranks.append(process)
                pipes.append(receiver)
            outcomes = _outcomes(ranks, pipes, signals)
    finally:
        for process in ranks:
            process.kill()
            process.join()
    return outcomes[0]  # type: ignore[return-value]


def _outcomes(ranks: Sequence[SpawnProcess], pipes: Sequence[Connection], signals: StopSignals) -> list[object]:
    """Wait for every process and return their results in order, or raise the first user's error, or all others as one.

    A process that fails breaks the connections of the others, which end in errors of their own; they have some seconds
    for that, and for what they save.
    """
    results: dict[int, object] = {}
    errors: list[Exception] = []
    deadline = math.inf
    ready: set[int] = set()
    told: set[int] = set()
    while len(results) < len(ranks) and time.monotonic() < deadline:
        waiting: dict[object, int] = {pipe: rank for rank, pipe in enumerate(pipes) if rank not in results}
        for pipe in connection.wait([pipes[rank] for rank in waiting.values()], timeout=0.2):
            rank = waiting[pipe]
            if rank not in ready and _is_ready(pipes[rank]):
                ready.add(rank)
                continue
            results[rank], error = _receive(pipes[rank], ranks[rank], rank, signals)
            if error is not None:
                errors.append(error)
                deadline = min(deadline, time.monotonic() + GRACE)
        if signals.received is not None:
            for rank in ready - told:  # what meets a process while it imports may get lost there
                told.add(rank)
                with suppress(ProcessLookupError):
                    os.kill(ranks[rank].pid or 0, signal.Signals[signals.received])
    for rank in results:
        ranks[rank].join(GRACE)  # what it holds of the system is given back only when it ends by itself
    if errors:
        own = next((error for error in errors if isinstance(error, GlimmerError)), None)
        raise own or RuntimeError("\n".join(map(str, errors)))
    return [results[rank] for rank in range(len(ranks))]


def _is_ready(pipe: Connection) -> bool:
    """Whether a process, whose first message this is, handles signals now; False where it died before."""
    try:
        pipe.recv()
    except EOFError:
        return False
    return True


def _receive(pipe: Connection, process: SpawnProcess, rank: int, signals: StopSignals) -> Outcome:
    try:
        outcome: Outcome = pipe.recv()
    except EOFError:
        process.join()
        if signals.received is not None and process.exitcode == -signal.Signals[signals.received]:
            return None, _stopped(signals.received)
        return None, RuntimeError(f"process {rank} died with exit code {process.exitcode}")
    return outcome


def _serve(pipe: Connection, rank: int, world: int, port: int, user_dir: str | None, data: bytes) -> None:
    """Be one process of the run: find the others, work, and send what came of it."""
    os.setpgid(0, 0)  # the terminal's Ctrl-C reaches the parent alone, which passes it on once
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in places.items()})
    torch.set_num_threads(max(1, torch.get_num_threads() // world))
    try:
        pipe.send(None)  # from here on a signal ends in a message
        load_plugins(user_dir)
        pipe.send((pickle.loads(data)(), None))
    except GlimmerError as error:
        pipe.send((None, error))
    except Exception:  # noqa: BLE001 - the parent raises it
        pipe.send((None, RuntimeError(f"process {rank} failed\n{traceback.format_exc()}")))


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise _stopped(signal.Signals(number).name)


def _stopped(by: str) -> InterruptionError:
    return InterruptionError(f"stopped by {by} outside of the training loop; what was finished before is kept")


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
