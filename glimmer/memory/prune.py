"""Removal of what no generation of a store needs any more: earlier indexes and shards that nobody reads."""

import shutil
from pathlib import Path

from glimmer.memory.layout import KEYS, SHARD_NAME, SHARDS, index_name
from glimmer.memory.locks import unless_read
from glimmer.memory.manifest import Manifest


def prune(store: Path, manifest: Manifest) -> int:
    """Remove earlier generations, but for those that are being read; returns the bytes that became free.

    The caller holds the store as its writer. A shard stays where a generation is read that may have it, which is
    any since the shard was written.

    Raises:
        OSError: a file cannot be removed.
    """
    freed = last_read = 0
    for generation in range(1, manifest.generation):
        index = store / index_name(generation)
        if not (index / KEYS).is_file():
            continue
        with unless_read(index / KEYS) as free:
            if free:
                freed += sum(file.stat().st_size for file in index.iterdir())
                shutil.rmtree(index)
            else:
                last_read = generation
    needed = {shard.file for shard in manifest.shards}
    for file in sorted((store / SHARDS).iterdir()):
        if not SHARD_NAME.fullmatch(file.name) or file.name in needed:
            continue
        if last_read < int(file.name[:5]) <= manifest.generation:
            freed += file.stat().st_size
            file.unlink()
    return freed
