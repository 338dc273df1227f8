"""Use of a trained run: load it, evaluate it, ask it."""
