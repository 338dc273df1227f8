"""A cache keeps to its budget and forgets what was not used for longest; reading through it changes no bit."""

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from small_codecs import with_ids
from torch import Tensor

from glimmer.data.values import States, Tokens
from glimmer.errors import StoreError
from glimmer.memory import CODECS, MEMORIES, StoredMemory
from glimmer.memory.cache import CacheUse, PassageCache
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.writer import write_store

WIDTH = 8
MADE_BY = Fingerprint("encoder", "weights", 2, "text")
TOKENS = {f"p{row}": [row + 3] * (1 + row % 4) for row in range(12)}


def states(tokens: int) -> Tensor:
    return torch.full((tokens, WIDTH), float(tokens))


def key(name: str) -> tuple[str, bytes]:
    return name, b""


def held(cache: PassageCache, names: str) -> str:
    """Which of some passages are there; asking makes them the last ones used."""
    return "".join(name for name in names if cache.find([key(name)])[0] is not None)


def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = PassageCache(3 * states(1).nbytes)
    cache.keep((key(name), states(1)) for name in "abc")
    assert cache.find([key("a")])[0] is not None
    cache.keep([(key("d"), states(1))])
    assert held(cache, "abcd") == "acd"
    cache.keep([(key("e"), states(2))])
    assert held(cache, "abcde") == "de"
    assert cache.use == CacheUse(1 + 3 + 2, 1 + 3, 2, 3 * states(1).nbytes)
    assert cache.use.hit_rate == 0.6


def test_a_passage_larger_than_the_cache_drives_no_other_out() -> None:
    cache = PassageCache(2 * states(1).nbytes)
    cache.keep([(key("a"), states(1)), (key("b"), states(3))])
    assert held(cache, "ab") == "a"


def test_the_same_passage_counts_once() -> None:
    cache = PassageCache(4 * states(1).nbytes)
    for _ in range(3):
        cache.keep([(key("a"), states(2))])
    assert (cache.use.passages, cache.use.bytes) == (1, states(2).nbytes)
    assert PassageCache(1).use.hit_rate == 0


def test_a_copy_is_kept_and_not_what_it_was_a_part_of() -> None:
    cache = PassageCache(1 << 20)
    whole = torch.zeros(1000, WIDTH)
    cache.keep([(key("a"), whole[:2])])
    (found,) = cache.find([key("a")])
    assert found is not None
    assert found.untyped_storage().nbytes() == found.nbytes


def memory(path: Path, **options: Any) -> StoredMemory:
    made = MEMORIES.build(MEMORIES.configure("stored", path=str(path), **options), text_fingerprint="text")
    assert isinstance(made, StoredMemory)
    made.prepare([], lambda: MADE_BY)
    return made


def read(memory: StoredMemory, names: list[str]) -> States:
    def encode(passages: Tokens) -> States:
        raise AssertionError("memory that is stored is not encoded")

    found: States = memory(encode, Tokens.pad([TOKENS[name] for name in names]), tuple(names))
    return found


def store(path: Path, codec: str, **options: Any) -> Path:
    built = CODECS.build(CODECS.configure(codec, **options), width=WIDTH)
    generator = torch.Generator().manual_seed(0)
    rows = [(name, ids, torch.randn(len(ids), WIDTH, generator=generator)) for name, ids in TOKENS.items()]
    if built.sample:
        built.fit(with_ids([values for _, _, values in rows]))
    write_store(path, rows, built, MADE_BY)
    return path


def asked(turn: int) -> list[str]:
    generator = torch.Generator().manual_seed(turn)
    chosen = torch.randperm(len(TOKENS), generator=generator)[: turn % 6].tolist()
    return [f"p{row}" for row in chosen]


CODEC_OPTIONS: dict[str, dict[str, Any]] = {
    "raw": {},
    "int8": {},
    "first_tokens": {"count": 2},
    "product": {"codes": 16, "subspaces": 4},
}


@pytest.mark.parametrize("codec", CODEC_OPTIONS)
@pytest.mark.parametrize("budget", [1, 600, 1 << 20])
def test_reading_through_a_cache_changes_no_bit(tmp_path: Path, codec: str, budget: int) -> None:
    path = store(tmp_path / "store", codec, **CODEC_OPTIONS[codec])
    plain, cached = memory(path), memory(path, cache_bytes=budget)
    passages = 0
    for turn in range(30):
        names = asked(turn)
        expected, found = read(plain, names), read(cached, names)
        assert torch.equal(found.values, expected.values)
        assert torch.equal(found.mask, expected.mask)
        passages += len(names)
    assert cached.cache is not None
    use = cached.cache.use
    assert use.hits + use.misses == passages
    assert use.bytes <= budget
    assert (use.misses == passages) == (budget == 1)
    if budget == 1 << 20:
        assert use.misses == use.passages == len(TOKENS)
    assert plain.cache is None


def test_what_is_cached_is_trusted_no_more_than_what_is_stored(tmp_path: Path) -> None:
    cached = memory(store(tmp_path / "store", "raw"), cache_bytes=1 << 20)
    read(cached, ["p1"])
    with pytest.raises(StoreError, match="passage 'p1' is not the one that was encoded"):
        cached(lambda passages: None, Tokens.pad([[9, 9]]), ("p1",))


def test_what_was_cached_without_gradients_serves_training(tmp_path: Path) -> None:
    cached = memory(store(tmp_path / "store", "int8"), cache_bytes=1 << 20)
    with torch.inference_mode():
        before = read(cached, ["p3"]).values.clone()
    weight = torch.ones(WIDTH, requires_grad=True)
    (read(cached, ["p3"]).values * weight).sum().backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    torch.testing.assert_close(weight.grad, before.sum((0, 1)))


def test_threads_share_a_cache_and_a_store(tmp_path: Path) -> None:
    path = store(tmp_path / "store", "product", **CODEC_OPTIONS["product"])
    plain, shared = memory(path), memory(path, cache_bytes=600)
    expected = [read(plain, asked(turn)).values for turn in range(40)]
    wrong: list[int] = []
    begin = threading.Barrier(4)

    def work(first: int) -> None:
        begin.wait(10)
        turns = [(first + turn) % 40 for turn in range(40)]
        wrong.extend(turn for turn in turns if not torch.equal(read(shared, asked(turn)).values, expected[turn]))

    threads = [threading.Thread(target=work, args=(10 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert shared.cache is not None
    use = shared.cache.use
    assert use.hits + use.misses == 4 * sum(len(asked(turn)) for turn in range(40))
    assert use.hits > 0
    assert use.bytes <= 600
