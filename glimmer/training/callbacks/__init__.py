"""Callbacks, one file each: what hangs on the training loop."""

from glimmer.training.callbacks.base import CALLBACKS, Callback, CallbackConfig, LogEntry, Results, register_callback

__all__ = ["CALLBACKS", "Callback", "CallbackConfig", "LogEntry", "Results", "register_callback"]
