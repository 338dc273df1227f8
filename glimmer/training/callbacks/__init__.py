"""Callbacks, one file each."""

from glimmer.training.callbacks import (
    checkpoint,
    early_stopping,
    ema,
    evaluation,
    metrics_jsonl,
    progress,
    tensorboard,
)
from glimmer.training.callbacks.base import CALLBACKS, Callback, CallbackConfig, LogEntry, Results, register_callback

__all__ = [
    "CALLBACKS",
    "Callback",
    "CallbackConfig",
    "LogEntry",
    "Results",
    "checkpoint",
    "early_stopping",
    "ema",
    "evaluation",
    "metrics_jsonl",
    "progress",
    "register_callback",
    "tensorboard",
]
