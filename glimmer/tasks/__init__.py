"""Tasks: one file each, saying its prompt, its target and its metrics."""
