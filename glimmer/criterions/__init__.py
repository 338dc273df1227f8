"""Criterions: one training loss a file."""
