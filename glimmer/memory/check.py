"""Whether a store's files are those that its manifest promises, and whether a folder is free for a store."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from glimmer.errors import StoreError
from glimmer.memory.layout import CODEC, MANIFEST, OWN_NAME, SHARD_NAME, SHARDS, FileInfo, digest_of_file, index_name
from glimmer.memory.manifest import AGAIN, Manifest, current_generation, damaged
from glimmer.memory.shard import begins_as_promised


def check_vacant(store: Path, generation: int = 0) -> None:
    """Refuse a folder in which no generation after ``generation`` can be written.

    Raises:
        StoreError: it holds something else, or there is such a generation already.
    """
    if not store.exists() and not store.is_symlink():
        return
    if (store / MANIFEST).is_file():
        if current_generation(store) > generation:
            raise StoreError(
                f"{store} was changed by another process meanwhile; give the same command again"
                if generation
                else f"{store} exists already; bring it up to date with `glimmer memory update`, or choose another"
            )
    elif not store.is_dir() or any(_is_foreign(file) for file in store.iterdir()):
        raise StoreError(f"{store} exists already and is no memory store; choose another folder for it")


def check_files(store: Path, manifest: Manifest) -> None:
    """Find what is missing, cut, foreign or of another store, without reading states.

    Raises:
        StoreError: names the file.
        OSError: a file cannot be read.
    """
    promised = {*manifest.files}
    for folder in {path.rpartition("/")[0] for path in promised} | {SHARDS, index_name(manifest.generation)}:
        if not (store / folder).is_dir():
            raise StoreError(f"{store} is no memory store: {folder} is missing; make one with `glimmer encode`")
    for name, info in manifest.files.items():
        _check_size(store, name, info)
    for shard in manifest.shards:
        file = store / SHARDS / shard.file
        if not begins_as_promised(file, manifest.rows, shard):
            raise damaged(file, "its header is not the one of this store's shard")
    for name in _foreign(store, manifest):
        raise StoreError(f"{store / name} is no part of the store; move it elsewhere, or {AGAIN}")


def verify_files(
    store: Path, manifest: Manifest, threads: int | None = None, done: Callable[[int], object] = lambda size: None
) -> None:
    """Compare the checksum of every file, several at once; ``done`` is told the bytes of each that was read.

    Raises:
        StoreError: names every file that has another one.
        OSError: a file cannot be read.
    """

    def sound(item: tuple[str, FileInfo]) -> bool:
        name, info = item
        same = digest_of_file(store / name) == info.blake2b
        done(info.bytes)
        return same

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        found = list(pool.map(sound, manifest.files.items()))
    bad = [str(store / name) for name, same in zip(manifest.files, found, strict=True) if not same]
    if bad:
        are = "is damaged: its checksum is" if len(bad) == 1 else "are damaged: their checksums are"
        raise StoreError(f"{', '.join(bad)} {are} not the manifest's; {AGAIN}")


def _check_size(store: Path, name: str, info: FileInfo) -> None:
    file = store / name
    if not file.is_file():
        raise StoreError(f"{store} is no memory store: {name} is missing; make one with `glimmer encode`")
    size = file.stat().st_size
    if size != info.bytes:
        raise damaged(file, f"expected {info.bytes:,} bytes, found {size:,}")


def _foreign(store: Path, manifest: Manifest) -> Iterator[str]:
    """Files that no generation of a store has, by their paths below it; hidden ones are nobody's business."""
    yield from (name for name in _listed(store) if not OWN_NAME.fullmatch(name))
    yield from (f"{SHARDS}/{name}" for name in _listed(store / SHARDS) if not SHARD_NAME.fullmatch(name))
    for folder in (CODEC, index_name(manifest.generation)):
        if (store / folder).is_dir():
            names = (f"{folder}/{name}" for name in _listed(store / folder))
            yield from (name for name in names if name not in manifest.files)


def _is_foreign(file: Path) -> bool:
    """Whether no unfinished store has such a file; hidden ones are left by writers that were killed."""
    return not file.name.startswith(".") and OWN_NAME.fullmatch(file.name) is None


def _listed(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))
