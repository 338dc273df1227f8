"""Threads by name: others of the process come and go, whatever a test does."""

import threading


def threads_named(start: str) -> int:
    """How many threads run whose name begins so."""
    return sum(thread.name.startswith(start) for thread in threading.enumerate())
