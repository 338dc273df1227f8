"""One of two processes that train as one; started by the test of that."""

import sys
from pathlib import Path

import torch
from small_readers import small_batch
from test_update import COUNTS, gradients, rows

from glimmer.data.values import States, Tokens
from glimmer.memory import MEMORIES
from glimmer.training.distributed import Group


def codes(group: Group) -> dict[str, torch.Tensor]:
    """The state of quantised memory after five updates on tokens of the rank's own."""
    options = {"codes": 16, "sample": 32, "batches": 2, "redraw_every": 1, "rare": 0.5}
    memory = MEMORIES.build(MEMORIES.configure("quantised", **options), text_fingerprint="text")
    memory.allocate(4)
    for step in range(5):
        values = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(step * group.world + group.rank))
        real = torch.ones(2, 6, dtype=torch.bool)
        given = States(values, real)
        memory(lambda _: given, Tokens(real.long(), real), ())  # noqa: B023 - it is called at once
        memory.learn(group)
    return memory.state_dict()


with Group.from_environment("cpu") as group:
    torch.manual_seed(group.rank)
    module = torch.nn.Linear(2, 2)
    group.share_weights(module)
    found, tally = gradients([rows(small_batch(COUNTS), group.rank, len(COUNTS), group.world)], group)
    state = {
        "gradients": found,
        "loss": tally.mean("cross_entropy"),
        "from_main": group.on_main(lambda: group.rank),
        "sum": group.sum(torch.tensor([1.0, group.rank])),
        "codes": codes(group),
        "shared": module.weight.detach(),
    }
    torch.save(state, Path(sys.argv[1]) / f"rank-{group.rank}.pt")
