"""A store reads back what was written, and whatever happened to its files ends in one line that names the file."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from glimmer.errors import StoreError
from glimmer.memory import CODECS, MEMORIES, MemoryStore
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.store import write_store

WIDTH = 4
FILES = ("manifest.json", "ids.json", "offsets.npy", "states.bin")
MADE_BY = Fingerprint("encoder", "weights", 2, "text")


def states(tokens: int) -> Tensor:
    return torch.arange(tokens * WIDTH).reshape(tokens, WIDTH).float() + tokens


def write(path: Path, passages: Iterator[tuple[str, Tensor]] | None = None) -> Path:
    codec = CODECS.build(CODECS.configure("raw", dtype="float32"), width=WIDTH)
    write_store(path, passages or iter([("a", states(3)), ("b", states(1)), ("c", states(2))]), codec, MADE_BY)
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return write(tmp_path / "store")


def change(store: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    file = store / "manifest.json"
    manifest = json.loads(file.read_text())
    edit(manifest)
    file.write_text(json.dumps(manifest))


def refused(store: Path, **options: Any) -> str:
    with pytest.raises(StoreError) as caught:
        MemoryStore(store, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_passages_are_read_back_in_any_order(store: Path) -> None:
    opened = MemoryStore(store)
    read = opened.read(["c", "b", "a"])
    assert (len(opened), opened.made_by) == (3, MADE_BY)
    assert read.mask.sum(1).tolist() == [2, 1, 3]
    assert torch.equal(read.values[0, :2], states(2))
    assert torch.equal(read.values[2], states(3))
    assert sorted(file.name for file in store.iterdir()) == sorted(FILES)


def test_a_store_of_nothing_can_be_opened(tmp_path: Path) -> None:
    assert len(MemoryStore(write(tmp_path / "store", iter([])))) == 0


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(store: Path, name: str) -> None:
    (store / name).unlink()
    assert refused(store).startswith(f"{store} is no memory store: {name} is missing")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kept", [0, 10, -1])
def test_a_truncated_file_is_named(store: Path, name: str, kept: int) -> None:
    file = store / name
    file.write_bytes(file.read_bytes().rstrip()[:kept])
    assert refused(store).startswith(f"{file} is damaged: ")


@pytest.mark.parametrize("name", FILES[1:])
def test_no_flipped_bit_is_read(store: Path, name: str) -> None:
    file = store / name
    sound = file.read_bytes()
    for place in range(len(sound)):
        file.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        assert refused(store).startswith(f"{file} is damaged: its checksum")


def test_no_flipped_bit_of_a_manifest_is_a_traceback(store: Path) -> None:
    file = store / "manifest.json"
    sound = file.read_bytes()
    for place in range(len(sound)):
        file.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        try:
            opened = MemoryStore(store)
        except StoreError:
            continue
        # The reader compares the fingerprint, so this store is refused as another's.
        assert opened.made_by != MADE_BY, sound[place - 10 : place + 10]


def test_states_are_taken_on_trust_only_where_that_is_asked_for(store: Path) -> None:
    file = store / "states.bin"
    file.write_bytes(b"\xff" + file.read_bytes()[1:])
    MemoryStore(store, verify=False)
    with pytest.raises(StoreError, match="checksum"):
        MEMORIES.build(MEMORIES.configure("stored", path=str(store)), text_fingerprint="text")
    MEMORIES.build(MEMORIES.configure("stored", path=str(store), verify=False), text_fingerprint="text")
    file.write_bytes(file.read_bytes()[:-1])
    assert "states.bin is damaged: expected 96 bytes, found 95" in refused(store, verify=False)


@pytest.mark.parametrize("key", ["fingerprint", "codec", "width", "passages", "tokens", "sha256"])
@pytest.mark.parametrize("value", [None, "x", [], 1.5])
def test_a_manifest_without_a_promise_names_the_key(store: Path, key: str, value: Any) -> None:
    change(store, lambda manifest: manifest.pop(key) if value is None else manifest.update({key: value}))
    message = refused(store)
    assert message.startswith(f"{store / 'manifest.json'} is damaged: expected '{key}': ")
    assert message.endswith(f"found {value!r}; make the store anew with `glimmer encode`")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"format_version": 1}, "manifest.json: expected 'format_version': 2, found 1; make the store anew"),
        ({"format_version": None}, "manifest.json: expected 'format_version': 2, found None"),
        ({"passages": 4}, "manifest.json is damaged: passages is 4, and the store has 3"),
        ({"tokens": 7}, "manifest.json is damaged: tokens is 7, and the store has 6"),
        ({"width": 5}, "states.bin is damaged: expected 120 bytes, found 96"),
        (
            {"fingerprint": {"weights": "w"}},
            "damaged: expected a fingerprint of encoder, layers, text, weights, found weights",
        ),
        ({"codec": {}}, "manifest.json: cannot build the codec {}"),
        ({"codec": {"name": "rav"}}, "unknown codec 'rav'; did you mean 'raw'?"),
        ({"codec": {"name": "raw", "dtype": "float33"}}, "dtype has no choice 'float33'; did you mean 'float32'?"),
        ({"codec": {"name": "raw", "bits": 8}}, "unexpected keyword argument 'bits'"),
        ({"sha256": {}}, "ids.json is damaged: its checksum is not the manifest's"),
    ],
)
def test_a_manifest_that_promises_something_else(store: Path, changed: dict[str, Any], message: str) -> None:
    change(store, lambda manifest: manifest.update(changed))
    assert message in refused(store)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"null", b"\xff\xfe"])
def test_a_manifest_that_is_none(store: Path, content: bytes) -> None:
    (store / "manifest.json").write_bytes(content)
    assert re.search(r"manifest\.json(: expected 'format_version'| is damaged: expected a JSON object)", refused(store))


def test_a_killed_write_leaves_no_store(tmp_path: Path) -> None:
    seen: list[Path] = []

    def passages() -> Iterator[tuple[str, Tensor]]:
        yield "a", states(3)
        (work,) = tmp_path.iterdir()
        shutil.copytree(work, tmp_path / "as_the_kill_left_it")
        seen.append(work)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "store", passages())
    assert seen[0].name != "store"
    assert [path.name for path in tmp_path.iterdir()] == ["as_the_kill_left_it"]
    assert "manifest.json is missing" in refused(tmp_path / "as_the_kill_left_it")


def test_a_state_too_large_for_its_type_is_refused() -> None:
    codec = CODECS.build(CODECS.configure("raw", dtype="float16"), width=2)
    with pytest.raises(StoreError, match=r"a state of 7e\+04 does not fit codec\.dtype=float16, which ends at 6"):
        codec.encode(torch.tensor([[1.0, -7e4]]))


def test_what_the_disk_refuses_is_one_line(tmp_path: Path) -> None:
    assert "cannot be read: " in refused(tmp_path / ("x" * 300))
