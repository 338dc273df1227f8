"""Configuration: the schema of a run, typed and checked."""
