"""FAISS finds what an exact search finds, where it is installed; where it is not, one line says so."""

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from glimmer.dense.faiss_index import FaissIndex, import_faiss
from glimmer.errors import ConfigError, StoreError
from glimmer.retrieval import vectors
from glimmer.retrieval.vectors import Vectors, write_vectors

ROWS, WIDTH = 300, 8


def rows_of(seed: int, count: int) -> Tensor:
    return F.normalize(torch.randn(count, WIDTH, generator=torch.Generator().manual_seed(seed)), dim=1)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vectors:
    monkeypatch.setattr(vectors, "SHARD_ROWS", 64)
    table = rows_of(0, ROWS)
    table[200:210] = table[10]  # equals, across shards
    write_vectors(tmp_path / "dense-key", "key", ROWS, WIDTH, lambda start, stop, told: table[start:stop])
    return Vectors(tmp_path / "dense-key")


def test_a_flat_index_is_exact_and_kept(written: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    faiss = pytest.importorskip("faiss", reason="the extra 'faiss' is not installed")
    queries = torch.cat([rows_of(1, 5), rows_of(0, ROWS)[10:11]])
    exact = written.search(queries, 30)
    for _ in range(2):
        scores, rows = FaissIndex(written, "Flat", None).search(queries, 30)
        torch.testing.assert_close(rows, exact[1], atol=0, rtol=0)
        torch.testing.assert_close(scores, exact[0], atol=1e-6, rtol=1e-6)
        monkeypatch.setattr(faiss, "index_factory", None)  # the second time there is nothing to make
    assert FaissIndex(written, "Flat", None).search(queries, 999)[1].shape == (6, ROWS)


def test_an_index_with_cells_is_trained_and_searched_as_told(written: Vectors) -> None:
    pytest.importorskip("faiss", reason="the extra 'faiss' is not installed")
    queries = rows_of(1, 5)
    exact = written.search(queries, 20)[1]
    few = FaissIndex(written, "IVF4,Flat", None).search(queries, 20)[1]
    assert not torch.equal(few, exact)
    torch.testing.assert_close(FaissIndex(written, "IVF4,Flat", "nprobe=4").search(queries, 20)[1], exact)


def test_what_faiss_refuses_is_one_line(written: Vectors) -> None:
    pytest.importorskip("faiss", reason="the extra 'faiss' is not installed")
    with pytest.raises(ConfigError, match=r"^faiss_index = 'Flt' over 300 vectors of width 8: FAISS refuses it: .+$"):
        FaissIndex(written, "Flt", None)
    with pytest.raises(ConfigError, match=r"^faiss_index = 'IVF999,Flat' over 300 vectors .+ FAISS refuses it: .+$"):
        FaissIndex(written, "IVF999,Flat", None)
    with pytest.raises(ConfigError, match=r"^faiss_settings = 'nprobes=4' for faiss_index = 'Flat': FAISS refuses it"):
        FaissIndex(written, "Flat", "nprobes=4")
    (folder,) = written.folder.parent.glob("dense-key-faiss-*")
    (folder / "index.faiss").write_bytes(b"no index")
    with pytest.raises(StoreError, match=r"index\.faiss: cannot be read; remove .*dense-key-faiss-.* to have it made"):
        FaissIndex(written, "Flat", None)


def test_without_faiss_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ConfigError, match=r"search=faiss needs the extra 'faiss' \(pip install 'glimmer\[faiss\]'\)"):
        import_faiss()
