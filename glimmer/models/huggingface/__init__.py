"""T5 and BERT checkpoints in Hugging Face's layout; nothing else here knows their names."""
