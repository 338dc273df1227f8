"""Tasks: one file each, saying its prompt, its target and its metrics."""

from glimmer.tasks import (
    claim_reading,
    cloze,
    copying,
    denoising,
    dialogue,
    entity_linking,
    fact_verification,
    field_reading,
    invented_names,
    multi_hop,
    open_qa,
    slot_filling,
    substitution,
)
from glimmer.tasks.base import TASKS, Task, TaskConfig, TaskData, register_task, require_sentinels

__all__ = [
    "TASKS",
    "Task",
    "TaskConfig",
    "TaskData",
    "claim_reading",
    "cloze",
    "copying",
    "denoising",
    "dialogue",
    "entity_linking",
    "fact_verification",
    "field_reading",
    "invented_names",
    "multi_hop",
    "open_qa",
    "register_task",
    "require_sentinels",
    "slot_filling",
    "substitution",
]
