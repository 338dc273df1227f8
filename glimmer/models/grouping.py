"""Encode rows in groups of like length: padding costs time, and a group's tensors stay in a CPU's cache.

Legend: N rows, T tokens, D width.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from glimmer.data.values import States

Run = Callable[[States, Tensor | None], States]
"""Encodes ``[N, T, D]`` with ``question_lengths [N]`` (see ``Encoder.run``); rows do not depend on each other."""

GROUP_TOKENS = 2048
"""Tokens of a group, padding included."""


def run_in_groups(run: Run, states: States, question_lengths: Tensor | None) -> States:
    """Apply ``run`` to rows of like length at a time; the result is the same but for rounding and padding.

    Padding must lie at the right. On an accelerator, and where the rows are few, they stay together.
    """
    rows, length = states.mask.shape
    if states.values.device.type != "cpu" or rows * length <= GROUP_TOKENS:
        return run(states, question_lengths)
    lengths = states.mask.sum(1)
    groups = _groups(lengths)
    # One look-up for all groups and one back, and views between: the backward passes of both are fast.
    places = [(group[:, None] * length + torch.arange(width)).flatten() for group, width in groups]
    packed = F.embedding(torch.cat(places), states.values.flatten(0, 1))
    finished = []
    for (group, width), part in zip(groups, torch.split(packed, [len(place) for place in places]), strict=True):
        some = States(part.view(len(group), width, -1), states.mask[group, :width])
        finished.append(run(some, None if question_lengths is None else question_lengths[group]).values.flatten(0, 1))
    back = torch.zeros(rows * length, dtype=torch.long)  # padding takes any finite row
    back[torch.cat(places)] = torch.arange(len(packed))
    return States(F.embedding(back.view(rows, length), torch.cat(finished)), states.mask)


def _groups(lengths: Tensor) -> list[tuple[Tensor, int]]:
    """Rows by length, longest first, each group with its longest row's length (at least 1)."""
    order = lengths.argsort(descending=True, stable=True)
    groups, start = [], 0
    while start < len(order):
        width = max(1, int(lengths[order[start]]))
        stop = start + max(1, GROUP_TOKENS // width)
        groups.append((order[start:stop], width))
        start = stop
    return groups
