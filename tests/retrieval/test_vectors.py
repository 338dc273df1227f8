"""Vectors are searched exactly, and written so that a stopped writer goes on."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from glimmer.errors import GlimmerError, StoreError
from glimmer.retrieval import vectors
from glimmer.retrieval.vectors import Advance, Vectors, write_vectors

ROWS, WIDTH = 23, 4


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "SHARD_ROWS", 5)


def table() -> Tensor:
    """Small whole numbers: products are exact, and many are equal."""
    return torch.randint(-2, 3, (ROWS, WIDTH), generator=torch.Generator().manual_seed(0)).float()


def written(folder: Path) -> Vectors:
    write_vectors(folder, "key", ROWS, WIDTH, lambda start, stop, told: table()[start:stop])
    return Vectors(folder)


@pytest.mark.parametrize("k", [1, 3, 5, 6, 22, 23, 40])
def test_the_best_are_those_of_sorting_all_and_the_earlier_of_equals_comes_first(tmp_path: Path, k: int) -> None:
    queries = torch.randint(-2, 3, (9, WIDTH), generator=torch.Generator().manual_seed(1)).float()
    scores, rows = written(tmp_path / "vectors").search(queries, k)
    products = queries @ table().T
    wanted = products.sort(dim=1, descending=True, stable=True)
    torch.testing.assert_close(scores, wanted.values[:, :k], atol=0, rtol=0)
    torch.testing.assert_close(rows, wanted.indices[:, :k], atol=0, rtol=0)


def test_a_stopped_writer_goes_on_with_the_next_shard(tmp_path: Path) -> None:
    asked: list[int] = []

    def stops(start: int, stop: int, told: Advance) -> Tensor:
        if start == 10:
            raise KeyboardInterrupt
        asked.append(start)
        return table()[start:stop]

    folder = tmp_path / "vectors"
    with pytest.raises(KeyboardInterrupt):
        write_vectors(folder, "key", ROWS, WIDTH, stops)
    assert not folder.exists()
    assert asked == [0, 5]

    def goes_on(start: int, stop: int, told: Advance) -> Tensor:
        asked.append(start)
        return table()[start:stop]

    write_vectors(folder, "key", ROWS, WIDTH, goes_on)
    assert asked == [0, 5, 10, 15, 20]
    whole = written(tmp_path / "whole")
    for file in sorted(folder.iterdir()):
        assert file.read_bytes() == (whole.folder / file.name).read_bytes()


def test_what_was_begun_for_other_passages_is_not_mixed_in(tmp_path: Path) -> None:
    def fails(start: int, stop: int, told: Advance) -> Tensor:
        raise StoreError("stop")

    with pytest.raises(StoreError, match="stop"):
        write_vectors(tmp_path / "vectors", "one", ROWS, WIDTH, fails)
    with pytest.raises(StoreError, match=r"vectors\.partial was begun with another key, rows; remove it"):
        write_vectors(tmp_path / "vectors", "other", ROWS + 1, WIDTH, fails)


def test_a_vector_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="a vector is not finite"):
        write_vectors(
            tmp_path / "vectors", "key", 2, WIDTH, lambda start, stop, told: torch.full((2, WIDTH), float("nan"))
        )
    assert not (tmp_path / "vectors").exists()


def test_damage_names_its_file(tmp_path: Path) -> None:
    folder = written(tmp_path / "vectors").folder
    shard = folder / "0000000005.npy"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-3])
    with pytest.raises(GlimmerError, match=r"0000000005\.npy: cannot be read"):
        Vectors(folder)
    np.save(shard, np.zeros((4, WIDTH), dtype=np.float16))
    with pytest.raises(StoreError, match=r"expected float16 \(5, 4\), found float16 \(4, 4\)"):
        Vectors(folder)
    shard.unlink()
    with pytest.raises(StoreError, match=r"0000000005\.npy: cannot be read"):
        Vectors(folder)
    shard.write_bytes(whole)
    assert Vectors(folder).rows == ROWS
    (folder / "manifest.json").write_text('{"format_version": 9}')
    with pytest.raises(StoreError, match="format version 9; this glimmer reads 1"):
        Vectors(folder)
