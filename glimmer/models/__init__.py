"""Readers and the parts they are composed of: a folder per kind of part, and ``reader.py``, the composition."""
