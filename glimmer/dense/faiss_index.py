"""Vectors searched by FAISS (Douze et al. 2024), exactly or, where that takes too long, nearly so."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from glimmer.data.files import content_hash
from glimmer.data.folders import new_folder
from glimmer.errors import ConfigError, StoreError, WriteError
from glimmer.retrieval.vectors import Vectors

FILE = "index.faiss"
TRAINED_ON = 1 << 18
"""Vectors, evenly spaced, that an index with something to learn is trained on at most."""


def import_faiss() -> Any:
    """The library.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import faiss
    except ImportError as error:
        raise ConfigError(f"search=faiss needs the extra 'faiss' (pip install 'glimmer[faiss]'): {error}") from None
    return faiss


class FaissIndex:
    """An index of vectors for the largest products, kept beside them; it is held in memory as a whole."""

    def __init__(self, vectors: Vectors, kind: str, settings: str | None) -> None:
        """Open the index, or make it and keep it.

        Args:
            vectors: what is searched.
            kind: a description as FAISS's ``index_factory`` reads it.
            settings: how it is searched, such as ``nprobe=32``; None = as FAISS does by itself.

        Raises:
            ConfigError: FAISS is not installed, or refuses ``kind`` or ``settings``.
            StoreError: the index that is there cannot be read.
        """
        faiss = import_faiss()
        name = f"{vectors.folder.name}-faiss-{content_hash(kind, faiss.__version__)}"
        folder = vectors.folder.with_name(name)
        if folder.exists():
            try:
                self._index = faiss.read_index(str(folder / FILE))
            except RuntimeError as error:
                raise StoreError(f"{folder / FILE}: cannot be read; remove {folder} to have it made anew") from error
        else:
            with _refusals(f"faiss_index = {kind!r} over {vectors.rows} vectors of width {vectors.width}"):
                self._index = _made(faiss, vectors, kind)
            _keep(faiss, self._index, folder)
        if settings is not None:
            with _refusals(f"faiss_settings = {settings!r} for faiss_index = {kind!r}"):
                faiss.ParameterSpace().set_index_parameters(self._index, settings)

    def search(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """As ``Vectors.search``, but for the index's own blunders; a row of −1 stands where no more were found."""
        scores, rows = self._index.search(
            queries.cpu().float().contiguous().numpy(), max(1, min(k, self._index.ntotal))
        )
        rows, order = torch.from_numpy(rows).sort(dim=1)
        scores, back = torch.from_numpy(scores).gather(1, order).sort(dim=1, descending=True, stable=True)
        return scores, rows.gather(1, back)


def _made(faiss: Any, vectors: Vectors, kind: str) -> Any:
    index = faiss.index_factory(vectors.width, kind, faiss.METRIC_INNER_PRODUCT)
    if not index.is_trained:
        step = -(-vectors.rows // TRAINED_ON)
        some = [shard[-start % step :: step].astype(np.float32) for start, shard in vectors.shards()]
        index.train(np.concatenate(some))
    for _, shard in vectors.shards():
        index.add(shard.astype(np.float32))
    return index


def _keep(faiss: Any, index: Any, folder: Path) -> None:
    try:
        with new_folder(folder) as made:
            faiss.write_index(index, str(made / FILE))
    except WriteError:
        if not folder.exists():  # or else another process has put the same index there in the meantime
            raise


@contextmanager
def _refusals(said: str) -> Iterator[None]:
    """Say in one line what FAISS refuses.

    Raises:
        ConfigError: names the option and FAISS's reason.
    """
    try:
        yield
    except RuntimeError as error:
        reason = str(error).strip().split("\n")[0].rpartition("Error: ")[2]
        raise ConfigError(f"{said}: FAISS refuses it: {reason}") from None
