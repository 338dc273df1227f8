"""How many cores a thread's tensor operations take."""

import threading

import torch


def one_core() -> None:
    """Let the calling thread's tensor operations take one core, and those of other threads as many as before.

    Every thread that splits operations over cores keeps a team of workers for it. With more workers than cores, all
    teams sleep between operations instead of spinning, and small operations take some three times as long: the
    other threads' as well, and for as long as the thread lives.
    """
    every = torch.get_num_threads()  # unasked, the first operation would undo the next line
    torch.set_num_threads(1)
    others = threading.Thread(target=torch.set_num_threads, args=(every,))  # and of threads to come
    others.start()
    others.join()
