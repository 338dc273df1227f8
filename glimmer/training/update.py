"""The arithmetic of one update: losses over micro-batches and ranks, normalised as one batch."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glimmer.criterions.base import Criterion
from glimmer.data.values import Batch
from glimmer.models.base import Model
from glimmer.training.distributed import Group
from glimmer.training.tally import Quantities, Tally, measure


@dataclass(frozen=True)
class Gradients:
    """What the backward passes of an update left behind, besides the gradients themselves."""

    tally: Tally
    """This rank's part of the logs."""
    losses: tuple[tuple[tuple[str, ...], Tensor], ...]
    """Every micro-batch's record ids and, for each criterion, their values ``[C, B]``."""


def compile_layers(model: nn.Module) -> None:
    """Compile the members of every ``nn.ModuleList`` in place, for any shape.

    Layers of one kind share their compiled code, and what lies between them may look at values (lengths, masks).
    """
    for stack in model.modules():
        if isinstance(stack, nn.ModuleList):
            for layer in stack:
                layer.compile(dynamic=True)


def total_counts(criterions: Mapping[str, Criterion], batches: Sequence[Batch], group: Group) -> dict[str, float]:
    """What every criterion's sum is divided by: its counts over all micro-batches and ranks."""
    own = {name: sum(float(c.counts(batch).sum()) for batch in batches) for name, c in criterions.items()}
    ranks = group.gather(own)
    return {name: sum(counts[name] for counts in ranks) for name in criterions}


def accumulate_gradients(
    reader: Model,
    criterions: Mapping[str, Criterion],
    batches: Sequence[Batch],
    totals: Mapping[str, float],
    *,
    bf16: bool,
) -> Gradients:
    """Add the gradient of Σ_criterion weight · Σ values / total over the micro-batches to ``reader``.

    ``totals`` are those of ``total_counts``; a criterion that applies to nothing in the update adds nothing.
    """
    every_passage = any(criterion.every_passage for criterion in criterions.values())
    measured: list[Quantities] = []
    losses = []
    for batch in batches:
        with torch.autocast(batch.index.device.type, torch.bfloat16, enabled=bf16):
            output = reader(batch, every_passage=every_passage)
            results = {name: criterion(reader, output, batch) for name, criterion in criterions.items()}
        terms = [
            criterions[name].config.weight * result.values.sum() / totals[name]
            for name, result in results.items()
            if totals[name] and criterions[name].config.weight
        ]
        if terms:
            torch.stack(terms).sum().backward()  # type: ignore[no-untyped-call]
        measured.append(measure(results, output, batch))
        losses.append((batch.ids, torch.stack([result.values.detach().float() for result in results.values()])))
    # Only now: reading a value waits for all that the device has still to do.
    tally = Tally().merge(Tally().add(batch.tasks, found) for batch, found in zip(batches, measured, strict=True))
    return Gradients(tally, tuple(losses))


def clip_gradients(parameters: Sequence[nn.Parameter], largest: float | None) -> float:
    """Scale the gradients so that their joint norm is at most ``largest``; return the norm before."""
    norm = nn.utils.clip_grad_norm_(parameters, math.inf if largest is None else largest)
    return float(norm)


def diagnose(gradients: Sequence[Gradients], loss: float, norm: float, step: int) -> str:
    """Say which records made an update not finite, as one line."""
    everything = [record for part in gradients for ids, _ in part.losses for record in ids]
    guilty = [
        record
        for part in gradients
        for ids, values in part.losses
        for record, finite in zip(ids, values.isfinite().all(0).tolist(), strict=True)
        if not finite
    ]
    what = f"loss {loss:g}, gradient norm {norm:g}"
    if guilty:
        return f"step {step}: not finite ({what}); the loss of these records is not: {', '.join(guilty)}"
    return f"step {step}: not finite ({what}), though every record's loss is; its records: {', '.join(everything)}"
