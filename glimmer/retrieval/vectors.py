"""Passage vectors on disk, written shard by shard and searched exactly.

Layout of the folder: ``manifest.json`` and ``SHARD.npy`` files, float16 ``[rows, D]``, in the passages' order. While it
is being written the folder is called ``NAME.partial``; a second try takes up the shards that are there.
"""

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from glimmer.data.files import read_json, write_bytes, write_json, writing
from glimmer.errors import StoreError

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
SHARD_ROWS = 1 << 13
"""Rows of a shard; what a stopped writer loses at most, and what a search holds in float32 at a time."""

Advance = Callable[[int], object]
"""Is told of every few passages that are done."""
Encode = Callable[[int, int, Advance], Tensor]
"""Gives the vectors ``[stop − start, D]`` of the passages ``start … stop − 1``."""


def write_vectors(folder: Path, key: str, rows: int, width: int, encode: Encode) -> None:
    """Write the vectors of ``rows`` passages, or go on with what an earlier call of the same ``key`` has left.

    Raises:
        StoreError: the folder is there already, what is left of it is of another key, or a vector is not finite.
        DataError: the disk refuses a write.
    """
    if folder.exists():
        raise StoreError(f"{folder} exists already; remove it, or search it as it is")
    plan = {"format_version": FORMAT_VERSION, "key": key, "rows": rows, "width": width, "shard_rows": SHARD_ROWS}
    partial = folder.with_name(f"{folder.name}.partial")
    if (partial / MANIFEST).exists():
        left = read_json(partial / MANIFEST, "the plan of a folder of vectors")
        if left != plan:
            different = ", ".join(name for name in plan if left.get(name) != plan[name])
            raise StoreError(f"{partial} was begun with another {different}; remove it to begin anew")
    else:
        write_json(partial / MANIFEST, plan)
    with tqdm(total=rows, desc="embed", unit="passage", disable=None) as bar:
        for start in range(0, rows, SHARD_ROWS):
            stop, file = min(start + SHARD_ROWS, rows), _shard(partial, start)
            if file.exists():
                bar.update(stop - start)
            else:
                _write_shard(file, encode(start, stop, bar.update), (stop - start, width))
    with writing(folder):
        try:
            partial.replace(folder)
        except OSError:
            if not folder.exists():  # or else another process has put the same vectors there in the meantime
                raise
            shutil.rmtree(partial, ignore_errors=True)


class Vectors:
    """A folder of vectors, open for searching; nothing but a shard at a time is held in memory."""

    def __init__(self, folder: Path) -> None:
        """Open the folder.

        Raises:
            DataError: it is no folder of vectors.
            StoreError: it is of another format version, or a shard is missing, cut or of another shape.
        """
        self.folder = folder
        manifest = read_json(folder / MANIFEST, "the manifest of a folder of vectors")
        if manifest.get("format_version") != FORMAT_VERSION:
            raise StoreError(
                f"{folder}: format version {manifest.get('format_version')!r}; this glimmer reads {FORMAT_VERSION}"
            )
        self.rows, self.width, self._step = (int(manifest[key]) for key in ("rows", "width", "shard_rows"))
        for _ in self.shards():
            pass

    def search(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """The ``k`` rows (fewer where there are fewer) whose vectors have the largest products with each query.

        Args:
            queries: ``[Q, D]`` float32.
            k: how many.

        Returns:
            ``[Q, k]`` scores, falling, and ``[Q, k]`` rows; among equal scores the earlier row comes first.
        """
        scores = queries.new_empty(len(queries), 0)
        rows = torch.empty(len(queries), 0, dtype=torch.long, device=queries.device)
        for start, shard in self.shards():
            found = queries @ torch.from_numpy(shard.astype(np.float32)).to(queries.device).T
            best, place = _largest(found, k)
            # Rows rise from shard to shard, so that a stable sort keeps the earlier of equals in front.
            scores, order = torch.cat([scores, best], 1).sort(dim=1, descending=True, stable=True)
            rows = torch.cat([rows, place + start], 1).gather(1, order)[:, :k]
            scores = scores[:, :k]
        return scores, rows

    def shards(self) -> Iterator[tuple[int, NDArray[np.float16]]]:
        """Every shard ``[N, D]``, mapped, with its first row.

        Raises:
            StoreError: one is missing, cut or of another shape.
        """
        for start in range(0, self.rows, self._step):
            file = _shard(self.folder, start)
            expected = (min(self._step, self.rows - start), self.width)
            try:
                shard = np.load(file, mmap_mode="r", allow_pickle=False)
            except (OSError, ValueError) as error:
                raise StoreError(
                    f"{file}: cannot be read ({error}); remove {self.folder} to have it made anew"
                ) from None
            if shard.shape != expected or shard.dtype != np.float16:
                raise StoreError(
                    f"{file}: expected float16 {expected}, found {shard.dtype} {shard.shape}; "
                    f"remove {self.folder} to have it made anew"
                )
            yield start, shard


def _largest(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The ``k`` largest of every row ``[Q, N]``, falling, the earlier of equals first."""
    k = min(k, scores.shape[1])
    values, places = scores.topk(k, dim=1)
    # topk takes any of the equals: put them in order, and look for earlier ones where some did not fit in.
    places, order = places.sort(dim=1)
    values, back = values.gather(1, order).sort(dim=1, descending=True, stable=True)
    places = places.gather(1, back)
    last = values[:, -1:]
    torn = (scores == last).sum(1) > (values == last).sum(1)
    for row in torn.nonzero()[:, 0].tolist():
        values[row], places[row] = (part[:k] for part in scores[row].sort(descending=True, stable=True))
    return values, places


def _write_shard(file: Path, vectors: Tensor, shape: tuple[int, int]) -> None:
    if tuple(vectors.shape) != shape:
        raise StoreError(f"{file}: expected vectors {shape}, found {tuple(vectors.shape)}")
    if not bool(vectors.isfinite().all()):
        raise StoreError(f"{file}: a vector is not finite; nothing of this shard was written")
    content = io.BytesIO()
    np.save(content, vectors.cpu().numpy().astype(np.float16))
    write_bytes(file, content.getbuffer())


def _shard(folder: Path, start: int) -> Path:
    return folder / f"{start:010}.npy"
