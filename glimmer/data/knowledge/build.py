"""A knowledge source cut into a passage file: shard by shard, by several processes, and on from where it was stopped.

While it is made, the folder holds ``parts/``: a pair of files a shard, and ``parts.json``, which tells what they are
parts of. At the end they are joined into ``passages.jsonl`` and its index, and ``manifest.json`` is written last.
"""

import fcntl
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tqdm import tqdm

from glimmer.data.files import content_hash, new_file, read_json, write_json, writing
from glimmer.data.index import index_folder, reader_of, write_index
from glimmer.data.knowledge.parts import BrokenLineError, blocks, counts, cut_shard, text_of, write_spans
from glimmer.data.knowledge.source import SHARD_BYTES, Identity, line_number, shards
from glimmer.data.knowledge.workers import InThisProcess, prepare_worker
from glimmer.errors import DataError, InterruptionError

PASSAGES, MANIFEST, PARTS, ORIGIN = "passages.jsonl", "manifest.json", "parts", "parts.json"
_HERE = Path(__file__).parent
CODE = tuple(_HERE / name for name in ("cut.py", "pages.py", "parts.py", "sentences.py", "source.py"))
"""What decides the passages, beside the source and the options."""


def build_passages(
    source: Path,
    output: Path,
    *,
    words: int = 100,
    processes: int = 1,
    progress: bool = False,
    stopped: Callable[[], str | None] = lambda: None,
    shard_bytes: int = SHARD_BYTES,
) -> dict[str, Any]:
    """Cut ``source`` into passages of at most ``words`` words in the folder ``output``, and return its manifest.

    The same source and words give the same bytes, whatever the number of processes and interruptions. ``stopped`` is
    asked between shards for the name of a signal that asks to stop.

    Raises:
        DataError: the source is missing or broken, which names the line; ``output`` holds something else; or the disk
            refuses a write.
        InterruptionError: ``stopped`` said so; the shards that are done are kept.
    """
    origin = _origin(source, words, shard_bytes)
    if (done := finished(output, origin)) is not None:
        return done
    parts = output / PARTS
    if not parts.exists():
        write_json(parts / ORIGIN, origin)
    with _alone(parts):
        with _bar(source.name, origin["source"]["size"], progress) as bar, _executor(processes) as executor:
            try:
                made = _cut_all(source, words, parts, shard_bytes, executor, 2 * processes - 2, bar, stopped)
            except BrokenLineError as error:
                raise DataError(f"{source}:{line_number(source, error.offset)}: {error.problem}") from None
        if Identity.of(source) != Identity(**origin["source"]):
            raise DataError(f"{source}: the file was changed while it was read; remove {output} and begin anew")
        manifest = {**origin, **_join(output, made, progress)}
        write_json(output / MANIFEST, manifest)
        shutil.rmtree(parts)
    return manifest


def finished(output: Path, origin: dict[str, Any]) -> dict[str, Any] | None:
    """The manifest of a folder that is done, None for one that is not.

    Raises:
        DataError: it holds something other than (parts of) the passages of ``origin``.
    """
    manifest = output / MANIFEST
    for file in (manifest, output / PARTS / ORIGIN):
        if file.exists():
            found = read_json(file, "what passages were made of")
            for name, wanted in origin.items():
                if found.get(name) != wanted:
                    raise DataError(
                        f"{output}: holds passages made otherwise: {name} is {found.get(name)}, expected {wanted}; "
                        "choose another folder, or remove this one"
                    )
            if file == manifest:
                shutil.rmtree(output / PARTS, ignore_errors=True)  # where a process ended just before it did so
                return found
            return None
    if (output / PASSAGES).exists():
        raise DataError(f"{output / PASSAGES}: exists already, and no {MANIFEST} tells of what; choose another folder")
    return None


def _origin(source: Path, words: int, shard_bytes: int) -> dict[str, Any]:
    return {
        "source": asdict(Identity.of(source)),
        "words": words,
        "shard_bytes": shard_bytes,
        "cutter_sha256_16": content_hash(*(file.read_bytes() for file in CODE)),
    }


def _cut_all(
    source: Path,
    words: int,
    parts: Path,
    shard_bytes: int,
    executor: Executor,
    ahead: int,
    bar: Any,
    stopped: Callable[[], str | None],
) -> list[Path]:
    """Make the parts that are missing and return all; ``ahead`` shards are under way beside the one waited for.

    A stop is heeded when the shards under way are done. The first broken line in file order is the one that is raised.
    """
    made: list[Path] = []
    under_way: deque[tuple[Future[None], int]] = deque()

    def wait(most: int) -> None:
        while len(under_way) > most:
            future, weight = under_way.popleft()
            future.result()
            bar.update(weight)

    try:
        for shard in shards(source, shard_bytes):
            if (signal := stopped()) is not None:
                wait(0)
                raise InterruptionError(
                    f"stopped by {signal} after {len(made):,} of its shards; the same command goes on"
                )
            made.append(parts / f"{shard.number:06d}")
            if text_of(made[-1]).exists():
                bar.update(shard.weight)
                continue
            under_way.append((executor.submit(cut_shard, source, shard, words, made[-1]), shard.weight))
            wait(ahead)
        wait(0)
    except BrokenProcessPool:
        raise RuntimeError("a process that cut passages died; the same command goes on from what is done") from None
    finally:
        for future, _ in under_way:
            future.cancel()
    return made


@contextmanager
def _alone(parts: Path) -> Iterator[None]:
    """Keep others from the same folder; the system lets go of it however this process ends."""
    with writing(parts):
        file = (parts / "lock").open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"{parts.parent}: another process is making these passages") from None
        yield


def _executor(processes: int) -> Executor:
    if processes == 1:
        return InThisProcess()
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=prepare_worker)


def _bar(name: str, total: int, progress: bool) -> Any:
    return tqdm(total=total, unit="B", unit_scale=True, desc=name, disable=None if progress else True)


def _join(output: Path, parts: list[Path], progress: bool) -> dict[str, Any]:
    """Join the parts into the passage file, which appears last, and its index."""
    sizes = [counts(part) for part in parts]
    pages, passages = (sum(size[i] for size in sizes) for i in (0, 1))
    if passages == 0:
        raise DataError(f"{output}: there is no passage to write: no page of the source has any text below its title")
    size = sum(text_of(part).stat().st_size for part in parts)
    final = output / PASSAGES
    with writing(index_folder(final)):
        shutil.rmtree(index_folder(final), ignore_errors=True)
    with new_file(final) as file, _bar("join", size, progress) as bar:
        for part in parts:
            with text_of(part).open("rb") as piece:
                shutil.copyfileobj(piece, file, 1 << 20)
                bar.update(piece.tell())
        file.flush()
        read = reader_of(file.fileno())
        write_index(final, read, size, passages, blocks(parts), lambda folder: write_spans(folder, parts, passages))
    return {"pages": pages, "passages": passages, "bytes": size}
