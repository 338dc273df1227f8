"""A knowledge source cut into a passage file: shard by shard, by several processes, and on from where it was stopped.

While it is made, the folder holds ``parts/``: a pair of files a shard, and ``parts.json``, which tells what they are
parts of. At the end they are joined into ``passages.jsonl`` and its index, and ``manifest.json`` is written last.
A part knows the hash of the lines that it was cut from, so those of a source that was changed in between are kept where
they still hold.
"""

import fcntl
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from glimmer.data.files import content_hash, new_file, read_json, write_json, writing
from glimmer.data.folders import remove_unfinished
from glimmer.data.index import DuplicateIdError, index_folder, reader_of, write_index
from glimmer.data.knowledge.parts import BrokenLineError, blocks, counts, cut_shard, recut_shard, text_of
from glimmer.data.knowledge.source import SHARD_BYTES, Identity, line_number, shards
from glimmer.data.knowledge.workers import InThisProcess, Processes
from glimmer.errors import DataError, InterruptionError

PASSAGES, MANIFEST, PARTS, ORIGIN = "passages.jsonl", "manifest.json", "parts", "parts.json"
_HERE = Path(__file__).parent
CODE = tuple(_HERE / name for name in ("cut.py", "pages.py", "parts.py", "sentences.py", "source.py", "../spans.py"))
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

    The same source and words give the same bytes, whatever the number of processes and interruptions, and whatever a
    source was before it was mended. ``stopped`` is asked between shards for the name of a signal that asks to stop.

    Raises:
        DataError: the source is missing or broken, which names the line; ``output`` holds something else; or the disk
            refuses a write.
        InterruptionError: ``stopped`` said so, or a process died; the shards that are done are kept.
    """
    origin = _origin(source, words, shard_bytes)
    if (done := finished(output, origin)) is not None:
        return done
    parts = output / PARTS
    if not (parts / ORIGIN).exists():
        write_json(parts / ORIGIN, origin)
    with _alone(parts):
        changed = read_json(parts / ORIGIN, "what passages are made of").get("source") != origin["source"]
        if changed:
            _mark_mixed(parts, origin)
        with _bar(source.name, origin["source"]["size"], progress) as bar, _executor(processes) as executor:
            try:
                made = _cut_all(source, words, parts, shard_bytes, changed, executor, 2 * processes - 2, bar, stopped)
            except BrokenLineError as error:
                raise DataError(f"{source}:{line_number(source, error.offset)}: {error.problem}") from None
        if Identity.of(source) != Identity(**origin["source"]):
            _mark_mixed(parts, origin)
            raise DataError(f"{source}: the file was changed while it was read; the same command begins where it was")
        try:
            manifest = {**origin, **_join(output, made, progress, stopped)}
        except DuplicateIdError as error:
            page = error.passage_id.rpartition("-")[0]
            raise DataError(f"{source}: the page {page!r} is there twice; a page must have one line") from None
        write_json(output / MANIFEST, manifest)
        shutil.rmtree(parts)
    return manifest


def _mark_mixed(parts: Path, origin: dict[str, Any]) -> None:
    """From now on, every part is compared with the source before it is kept."""
    write_json(parts / ORIGIN, {**origin, "source": None})


def finished(output: Path, origin: dict[str, Any]) -> dict[str, Any] | None:
    """The manifest of a folder that is done, None for one that is not.

    Raises:
        DataError: it holds something other than (parts of) the passages of ``origin``.
    """
    manifest, parts = output / MANIFEST, output / PARTS
    if manifest.exists():
        found = read_json(manifest, "what passages were made of")
        _same(output, found, origin, f"{PASSAGES}, {index_folder(output / PASSAGES).name} and {MANIFEST}")
        shutil.rmtree(parts, ignore_errors=True)  # where a process ended just before it did so
        return found
    if (parts / ORIGIN).exists():
        found = read_json(parts / ORIGIN, "what passages are made of")
        _same(output, {**found, "source": origin["source"]}, origin, f"{PARTS}/")
    elif (output / PASSAGES).exists():
        raise DataError(f"{output / PASSAGES}: exists already, and no {MANIFEST} tells of what; choose another folder")
    return None


def _same(output: Path, found: dict[str, Any], origin: dict[str, Any], removable: str) -> None:
    for name, wanted in origin.items():
        if found.get(name) != wanted:
            raise DataError(
                f"{output}: holds passages made otherwise: {name} is {found.get(name)}, expected {wanted}; "
                f"choose another folder, or remove {removable} from this one"
            )


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
    changed: bool,
    executor: Executor,
    ahead: int,
    bar: Any,
    stopped: Callable[[], str | None],
) -> list[Path]:
    """Make the parts that are missing and return all; ``ahead`` shards are under way beside the one waited for.

    Where the source was ``changed``, the parts that are there are made anew if their lines are others now. A stop is
    heeded when the shards under way are done. The first broken line in file order is the one that is raised.
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
                raise _stopped(signal, f"after {len(made):,} of its shards")
            made.append(parts / f"{shard.number:06d}")
            there = text_of(made[-1]).exists()
            if there and not changed:
                bar.update(shard.weight)
                continue
            work = recut_shard if there else cut_shard
            under_way.append((executor.submit(work, source, shard, words, made[-1]), shard.weight))
            wait(ahead)
        wait(0)
    except BrokenProcessPool:
        under_way.clear()  # the pool ends them itself, and its thread would trip over one that is cancelled meanwhile
        raise InterruptionError(
            f"{parts.parent}: a process was killed (is there too little memory?); the same command goes on"
        ) from None
    finally:
        for future, _ in under_way:
            future.cancel()
    return made


def _stopped(signal: str, where: str) -> InterruptionError:
    return InterruptionError(f"stopped by {signal} {where}; the same command goes on")


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
    return InThisProcess() if processes == 1 else Processes(processes)


def _bar(name: str, total: int, progress: bool) -> Any:
    return tqdm(total=total, unit="B", unit_scale=True, desc=name, disable=None if progress else True)


def _join(output: Path, parts: list[Path], progress: bool, stopped: Callable[[], str | None]) -> dict[str, Any]:
    """Join the parts into the passage file, which appears last, and its index."""
    sizes = [counts(part) for part in parts]
    pages, passages = (sum(size[i] for size in sizes) for i in (0, 1))
    if passages == 0:
        raise DataError(f"{output}: there is no passage to write: no page of the source has any text below its title")
    size = sum(text_of(part).stat().st_size for part in parts)
    final = output / PASSAGES

    def each() -> Iterator[Path]:
        for part in parts:
            if (signal := stopped()) is not None:
                raise _stopped(signal, "while its shards were joined")
            yield part

    for path in (final, index_folder(final)):
        remove_unfinished(path)
    with writing(index_folder(final)):
        shutil.rmtree(index_folder(final), ignore_errors=True)
    with new_file(final) as file, _bar("join", size, progress) as bar:
        for part in each():
            with text_of(part).open("rb") as piece:
                shutil.copyfileobj(piece, file, 1 << 20)
                bar.update(piece.tell())
        file.flush()
        write_index(final, reader_of(file.fileno()), size, blocks(each()))
    return {"pages": pages, "passages": passages, "bytes": size}
