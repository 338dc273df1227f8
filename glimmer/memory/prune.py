"""Removal of what a store needs no more: earlier generations that nobody reads, and what stopped writers left."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from glimmer.data.folders import remove_folder, unfinished_name
from glimmer.memory.layout import INDEX_NAME, KEYS, OWN_NAME, SHARD_NAME, SHARDS, generation_of
from glimmer.memory.locks import unless_held
from glimmer.memory.manifest import Manifest, read_manifest
from glimmer.memory.work import RECORDS, Work


def unfinished(store: Path) -> list[Path]:
    """Hidden files and folders that a killed writer had not finished, or one that is at work has not finished yet.

    Hidden ones of other names are nobody's business.
    """
    work = Work(store).path
    names = [(store, OWN_NAME), (store / SHARDS, SHARD_NAME), (work, None), (work / RECORDS, None)]
    return [
        file
        for folder, own in names
        if folder.is_dir()
        for file in sorted(folder.iterdir())
        if (name := unfinished_name(file)) and (own is None or own.fullmatch(name))
    ]


def leftovers(store: Path, generation: int) -> list[Path]:
    """What stopped writers left and none goes on with; ``generation`` is the one that readers find, 0 where none is.

    What a writer that is at work has not finished yet looks the same.
    """
    work, found = Work(store), unfinished(store)
    if work.generation > generation:  # the next writer goes on with it
        return found
    parts = [*store.glob("index-*"), *(store / SHARDS).glob("*")]
    named = (part for part in parts if INDEX_NAME.fullmatch(part.name) or SHARD_NAME.fullmatch(part.name))
    later = sorted(part for part in named if generation_of(part.name) > generation)
    found = [file for file in found if work.path not in file.parents]
    return [*found, *filter(Path.exists, [work.path]), *later]


def remove_leftovers(store: Path, generation: int) -> None:
    """Remove ``leftovers``; the caller is the store's only writer.

    Raises:
        OSError: one cannot be removed.
    """
    for path in leftovers(store, generation):
        _remove(path)


def prune(store: Path) -> int:
    """Remove what the store needs no more; returns the bytes of earlier generations. The caller is its only writer.

    That is what stopped writers left, and earlier generations, but for those that are being read: a shard stays where a
    generation is read that may have it, which is any since the shard was written.

    Raises:
        StoreError: there is no sound manifest.
        OSError: a file cannot be removed.
    """
    manifest = read_manifest(store)
    remove_leftovers(store, manifest.generation)
    freed = last_read = 0
    for index in sorted(store.glob("index-*")):
        if not INDEX_NAME.fullmatch(index.name) or generation_of(index.name) >= manifest.generation:
            continue
        with unless_held(index / KEYS) as free:
            if free:
                freed += _remove(index)
            else:
                last_read = generation_of(index.name)
    return freed + sum(map(_remove, _unneeded(store, manifest, last_read)))


def _unneeded(store: Path, manifest: Manifest, last_read: int) -> Iterator[Path]:
    """Shards that neither the manifest names nor a generation up to ``last_read`` may have."""
    needed = {shard.file for shard in manifest.shards}
    for file in sorted((store / SHARDS).iterdir()):
        if not SHARD_NAME.fullmatch(file.name) or file.name in needed:
            continue
        if last_read < generation_of(file.name) <= manifest.generation:
            yield file


def _remove(path: Path) -> int:
    """Remove a file or a folder; returns its bytes."""
    if not path.is_dir():
        size = path.stat().st_size
        path.unlink()
        return size
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    if unfinished_name(path):
        shutil.rmtree(path)
    else:
        remove_folder(path)
    return size
