"""An update encodes what is new or has changed, and the store is then as if all of it had been encoded."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_runs import small_run, write_corpus

from glimmer.data.values import Candidate, Example, Passage
from glimmer.errors import StoreError
from glimmer.inference.encode import encode_passages
from glimmer.inference.run import LoadedRun, untrained_run
from glimmer.inference.update import Changes, update_store
from glimmer.memory import CODECS, MemoryStore
from glimmer.memory.writer import Share, StoreWriter

RAW = CODECS.configure("raw", dtype="float32")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    folder = tmp_path_factory.mktemp("update")
    return untrained_run(small_run(write_corpus(folder / "data"), folder / "run"))


@pytest.fixture
def passages(run: LoadedRun) -> list[Passage]:
    return list(run.corpus.passages())


@pytest.fixture
def store(run: LoadedRun, passages: list[Passage], tmp_path: Path) -> Path:
    encode_passages(run, passages, tmp_path / "store", RAW, shard_passages=4, batch_size=2)
    return tmp_path / "store"


def changed(passages: list[Passage]) -> list[Passage]:
    """One is new, one has another text, one is no more, and they stand in another order."""
    text = replace(passages[3], text="The capital of Landd is Towns. The river is short.")
    return [Passage("new", "Landz", "Its capital is Townz."), text, *passages[4:], passages[1], passages[0]]


def assert_same(store: Path, other: Path, passages: list[Passage]) -> None:
    ids = [passage.id for passage in passages]
    one, two = (MemoryStore(path, verify=True) for path in (store, other))
    assert len(one) == len(two) == len(ids)
    torch.testing.assert_close(one.read(ids).values, two.read(ids).values, atol=1e-5, rtol=1e-5)


def test_only_what_is_new_or_has_changed_is_encoded(
    run: LoadedRun, passages: list[Passage], store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, written = changed(passages), []
    write = StoreWriter.write
    monkeypatch.setattr(
        StoreWriter, "write", lambda self, n, first, *more: (written.append(first), write(self, n, first, *more))
    )
    assert update_store(run, iter(now), store) == Changes(kept=10, encoded=2, dropped=2, freed=2 * (128 + 12 * 8))
    assert written == ["new"]
    encode_passages(run, now, tmp_path / "anew", RAW)
    assert_same(store, tmp_path / "anew", now)


def test_an_update_without_a_change_writes_nothing(run: LoadedRun, passages: list[Passage], store: Path) -> None:
    before = {file: file.stat() for file in store.rglob("*") if "lock" not in file.name and file != store}
    assert update_store(run, passages[::-1], store) == Changes(kept=12, encoded=0, dropped=0, freed=0)
    after = {file: file.stat() for file in store.rglob("*") if "lock" not in file.name and file != store}
    assert {file: stat for file, stat in after.items() if file.is_file()} == {
        file: stat for file, stat in before.items() if file.is_file()
    }


def test_a_reader_refuses_a_passage_that_changed_until_the_update(
    run: LoadedRun, passages: list[Passage], store: Path
) -> None:
    now = [replace(p, text=p.text.replace("river", "stream")) if p.id == "p0" else p for p in passages]
    candidates = tuple(Candidate(passage, 1.0, False) for passage in now[:3])
    batch = run.collator([Example("q", "open_qa", "What is it?", "This", ("This",), candidates)])
    with pytest.raises(StoreError, match=r"passage 'p0' is not the one that was encoded.*`glimmer memory update`"):
        run.reading(store).reader(batch)
    update_store(run, now, store)
    with torch.no_grad():
        stored, encoded_now = run.reading(store).reader(batch).logits, run.reader(batch).logits
    torch.testing.assert_close(stored, encoded_now, atol=1e-5, rtol=1e-5)


def test_an_id_that_occurs_twice_changes_nothing(run: LoadedRun, passages: list[Passage], store: Path) -> None:
    with pytest.raises(StoreError, match="the passage id 'p3' occurs twice"):
        update_store(run, [*passages, passages[3]], store)
    twice = replace(passages[3], text="Another text.")
    with pytest.raises(StoreError, match="the passage id 'p3' occurs twice, in shards/"):
        update_store(run, [*passages, twice], store)
    assert MemoryStore(store, verify=True).manifest["generation"] == 1
    assert update_store(run, passages, store).encoded == 0


def test_an_update_that_was_stopped_goes_on_and_is_not_seen_before(
    run: LoadedRun, passages: list[Passage], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(StoreWriter, "publish", stopped)
        with pytest.raises(KeyboardInterrupt):
            update_store(run, changed(passages), store)
    assert MemoryStore(store, verify=True).find("new") is None
    monkeypatch.setattr(StoreWriter, "write", stopped)
    assert update_store(run, changed(passages), store).encoded == 2
    assert MemoryStore(store, verify=True).find("new") is not None


def test_only_the_encoder_of_a_store_updates_it(run: LoadedRun, passages: list[Passage], store: Path) -> None:
    with torch.no_grad():
        weight = next(parameter for parameter in run.reader.encoder.parameters())  # type: ignore[union-attr]
        weight += 1
        with pytest.raises(StoreError, match="not made by this reader: encoder weights"):
            update_store(run, passages, store)
        weight -= 1


def test_several_shares_make_the_files_that_one_does(
    run: LoadedRun, passages: list[Passage], store: Path, tmp_path: Path
) -> None:
    path = tmp_path / "shared"
    options = {"shard_passages": 4, "batch_size": 2}
    assert not encode_passages(run, passages, path, RAW, share=Share(2, 2), **options)  # type: ignore[arg-type]
    assert encode_passages(run, iter(passages), path, RAW, share=Share(1, 2), **options)  # type: ignore[arg-type]
    for file in store.rglob("*"):
        if file.is_file() and not file.name.startswith("lock"):
            assert (path / file.relative_to(store)).read_bytes() == file.read_bytes()


def test_shares_of_passages_that_changed_in_between_make_no_store(
    run: LoadedRun, passages: list[Passage], tmp_path: Path
) -> None:
    path, now = tmp_path / "shared", [replace(passages[0], text="Another text."), *passages[1:]]
    options = {"shard_passages": 4, "batch_size": 2}
    for share, given, complete in ((1, passages, False), (2, now, False), (1, now, True)):
        assert encode_passages(run, given, path, RAW, share=Share(share, 2), **options) is complete  # type: ignore[arg-type]
        assert (path / "manifest.json").exists() is complete
    encode_passages(run, now, tmp_path / "alone", RAW, **options)  # type: ignore[arg-type]
    assert (path / "manifest.json").read_bytes() == (tmp_path / "alone" / "manifest.json").read_bytes()


def test_a_stream_that_breaks_off_is_gone_on_with(
    run: LoadedRun, passages: list[Passage], store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, taken = tmp_path / "again", []

    def broken() -> Iterator[Passage]:
        for passage in passages:
            if passage.id == "p9":
                raise KeyboardInterrupt
            yield passage

    options = {"shard_passages": 4, "batch_size": 2}
    with pytest.raises(KeyboardInterrupt):
        encode_passages(run, broken(), path, RAW, **options)  # type: ignore[arg-type]
    write = StoreWriter.write
    monkeypatch.setattr(StoreWriter, "write", lambda self, n, *more: (taken.append(n), write(self, n, *more)))
    assert encode_passages(run, iter(passages), path, RAW, **options)  # type: ignore[arg-type]
    assert taken == [2]
    for file in store.rglob("*.safetensors"):
        assert (path / file.relative_to(store)).read_bytes() == file.read_bytes()
