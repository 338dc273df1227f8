"""Training: the one loop, and what it is put together from."""
