"""One of two processes that train as one; started by the test of that."""

import sys
from pathlib import Path

import torch
from small_readers import small_batch
from test_update import COUNTS, gradients, rows

from glimmer.training.distributed import Group

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
        "shared": module.weight.detach(),
    }
    torch.save(state, Path(sys.argv[1]) / f"rank-{group.rank}.pt")
