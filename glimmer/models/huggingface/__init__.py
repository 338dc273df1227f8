"""T5 checkpoints in Hugging Face's layout, read and written; nothing else here knows their names."""
