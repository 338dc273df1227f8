"""Several processes that train as one: every update is the same as one process would have made.

Started by ``torchrun``, which sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT; a single process needs none of it.
"""

import os
from collections.abc import Callable, Iterable
from datetime import timedelta
from types import TracebackType
from typing import Self, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from glimmer.errors import ConfigError

T = TypeVar("T")

BUCKET_ELEMENTS = 8_000_000
"""Gradients travel in flat buckets of about so many numbers."""


class Group:
    """The processes of a run; of one process, every method is free.

    Use as a context manager, which ends the process group. All ranks must make the same calls in the same order.
    """

    def __init__(self, rank: int = 0, world: int = 1) -> None:
        self.rank, self.world = rank, world

    @classmethod
    def from_environment(cls, device_type: str) -> Self:
        """Join the processes that ``torchrun`` started, over NCCL for ``cuda`` and Gloo for ``cpu``.

        Raises:
            ConfigError: the environment names several processes, but not how they find each other.
        """
        world = int(os.environ.get("WORLD_SIZE", "1"))
        if world == 1:
            return cls()
        missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
        if missing:
            raise ConfigError(f"WORLD_SIZE is {world}, but {', '.join(missing)} is not set; start with torchrun")
        if device_type == "cuda":
            use_own_device()
        # One process may work for hours while the others wait (retrieval, a long task); a dead one is noticed anyway.
        dist.init_process_group("nccl" if device_type == "cuda" else "gloo", timeout=timedelta(days=30))
        return cls(dist.get_rank(), dist.get_world_size())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.world > 1:
            if error is None:
                dist.barrier()  # a rank that leaves early breaks the connections of the others
            dist.destroy_process_group()

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and draws the progress bar."""
        return self.rank == 0

    def gather(self, value: T) -> list[T]:
        """The value of every rank, in rank order, on every rank; plain types and CPU tensors."""
        if self.world == 1:
            return [value]
        values: list[T | None] = [None] * self.world
        dist.all_gather_object(values, value)
        return values  # type: ignore[return-value]

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over the ranks, which takes the place of ``tensor``."""
        if self.world > 1:
            dist.all_reduce(tensor)
        return tensor

    def on_main(self, compute: Callable[[], T]) -> T:
        """Compute on the main process alone and give every process the result."""
        if self.world == 1:
            return compute()
        values: list[T | None] = [compute() if self.is_main else None]
        dist.broadcast_object_list(values, src=0)
        return values[0]  # type: ignore[return-value]

    def share_weights(self, module: nn.Module) -> None:
        """Give every process the main process's parameters and buffers."""
        if self.world > 1:
            for tensor in module.state_dict().values():
                dist.broadcast(tensor, src=0)

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its sum over the ranks; None stays None where it is so on all of them."""
        if self.world == 1:
            return
        parameters = list(parameters)
        used = torch.tensor([p.grad is not None for p in parameters], dtype=torch.int32, device=parameters[0].device)
        dist.all_reduce(used)
        bucket: list[Tensor] = []
        for parameter, ranks in zip(parameters, used.tolist(), strict=True):
            if ranks == 0:
                continue
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            if bucket and (bucket[0].dtype != parameter.grad.dtype or sum(g.numel() for g in bucket) > BUCKET_ELEMENTS):
                _sum_flat(bucket)
                bucket = []
            bucket.append(parameter.grad)
        if bucket:
            _sum_flat(bucket)


def _sum_flat(tensors: list[Tensor]) -> None:
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    dist.all_reduce(flat)
    for tensor, total in zip(tensors, torch.split(flat, [t.numel() for t in tensors]), strict=True):
        tensor.copy_(total.view_as(tensor))


def use_own_device() -> None:
    """Work on this process's CUDA device, where several processes share a machine."""
    torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
