"""A store reads back what was written, and whatever happened to its files ends in one line that names the file."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from small_codecs import encoded
from torch import Tensor

from glimmer.data.index import key_of
from glimmer.data.values import Tokens
from glimmer.errors import StoreError
from glimmer.memory import CODECS, MEMORIES, MemoryStore
from glimmer.memory.content import content_of, contents_of
from glimmer.memory.fingerprint import Fingerprint
from glimmer.memory.writer import Encoded, Plan, StoreWriter, write_store

WIDTH = 4
SHARDS = ("shards/00001-000000.safetensors", "shards/00001-000001.safetensors")
INDEX = ("index-00001/keys.npy", "index-00001/places.npy")
FILES = ("manifest.json", *INDEX, *SHARDS)
MADE_BY = Fingerprint("encoder", "weights", 2, "text")
TOKENS = {"a": [5, 6, 7], "b": [8], "c": [9, 10]}


def states(tokens: int) -> Tensor:
    return torch.arange(tokens * WIDTH).reshape(tokens, WIDTH).float() + tokens


def passages(ids: str = "abc") -> list[Encoded]:
    return [(name, TOKENS[name], states(len(TOKENS[name]))) for name in ids]


def plan(**changes: Any) -> Plan:
    codec = CODECS.build(CODECS.configure("raw", dtype="float32"), width=WIDTH)
    return Plan(**{"codec": codec, "made_by": MADE_BY, "shard_passages": 2} | changes)


def write(path: Path, shards: Iterable[str] = ("ab", "c")) -> Path:
    with StoreWriter(path, plan()) as writer:
        for number, ids in enumerate(shards):
            writer.write(number, ids[0], "", passages(ids), lambda tokens, size: None)
        assert writer.publish([""] * (number + 1))
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
    assert not read.values[~read.mask].any()
    assert opened.read([]).values.shape == (0, 0, WIDTH)
    with pytest.raises(StoreError, match=r"holds no passage 'd'; .* `glimmer memory update`"):
        opened.read(["a", "d"])


def test_another_program_finds_every_array_by_name(store: Path) -> None:
    shard = load_file(store / SHARDS[0])
    assert shard["offsets"].tolist() == [0, 3, 4]
    assert shard["states"].tolist() == [*states(3).tolist(), *states(1).tolist()]
    assert shard["contents"].tobytes() == content_of([5, 6, 7]) + content_of([8])
    assert shard["keys"].tolist() == [key_of("a"), key_of("b")]
    assert shard["id_offsets"].tolist() == [0, 1, 2]
    assert shard["ids"].tobytes() == b"ab"
    keys, places = (np.load(store / name) for name in INDEX)
    assert dict(zip(keys.tolist(), places.tolist(), strict=True)) == {
        key_of("a"): 0,
        key_of("b"): 1,
        key_of("c"): 1 << 32,
    }
    assert keys.tolist() == sorted(keys.tolist())


def test_states_lie_where_memory_pages_begin(store: Path) -> None:
    content = (store / SHARDS[1]).read_bytes()
    assert np.frombuffer(content, "<f4", 2 * WIDTH, 4096).tolist() == states(2).flatten().tolist()


def test_a_store_of_nothing_can_be_opened(tmp_path: Path) -> None:
    write_store(tmp_path / "store", [], plan().codec, MADE_BY)
    assert len(MemoryStore(tmp_path / "store", verify=True)) == 0


def test_ids_of_any_text_are_found(tmp_path: Path) -> None:
    names = ["", "ü" * 3000, '"\\', "a\nb", "𐍈"]
    write_store(tmp_path / "store", [(name, [1], states(1)) for name in names[1:]], plan().codec, MADE_BY)
    opened = MemoryStore(tmp_path / "store", verify=True)
    assert opened.read(names[1:]).mask.all()
    assert opened.find(names[0]) is None


def test_an_id_that_occurs_twice_is_named(tmp_path: Path) -> None:
    message = r"the passage id 'a' occurs twice, in shards/00001-000000\.safetensors and shards/00001-000001"
    with pytest.raises(StoreError, match=message):
        write(tmp_path / "store", ("ab", "a"))


def test_ids_of_one_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("content", "shard"):
        monkeypatch.setattr(f"glimmer.memory.{module}.key_of", lambda name: 7)
    opened = MemoryStore(write(tmp_path / "store"))
    assert torch.equal(opened.read(["b", "c"]).values[0, :1], states(1))
    assert opened.find("d") is None


def test_a_passage_that_has_changed_is_named(store: Path) -> None:
    opened = MemoryStore(store)
    contents = contents_of(Tokens.pad([[9, 10], [5, 6, 7]]))
    assert opened.read(["c", "a"], contents).mask.any()
    changed = contents_of(Tokens.pad([[9, 10], [5, 6, 8]]))
    with pytest.raises(StoreError, match=r"passage 'a' is not the one that was encoded.*`glimmer memory update`"):
        opened.read(["c", "a"], changed)


def test_a_content_hash_tells_padding_from_tokens() -> None:
    assert contents_of(Tokens.pad([[3], [3, 0]])) == [content_of([3]), content_of([3, 0])]
    assert content_of([3]) != content_of([3, 0])


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
def test_a_flipped_bit_is_found_by_checksums(store: Path, name: str) -> None:
    file = store / name
    sound = file.read_bytes()
    for place in {*range(0, len(sound), 97), len(sound) - 1}:
        file.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        assert refused(store, verify=True).startswith(f"{file} is damaged: its ")


@pytest.mark.parametrize("name", FILES[1:])
def test_no_flipped_bit_is_a_traceback_or_reads_another_passage(store: Path, name: str) -> None:
    file = store / name
    sound = file.read_bytes()
    contents = contents_of(Tokens.pad([TOKENS[name] for name in "abc"]))
    states_end = 4096 + 3 * WIDTH * 4 + 16
    for place in (*range(128 if name in INDEX else 8, min(len(sound), 400), 3), *range(states_end, len(sound), 3)):
        file.write_bytes(sound[:place] + bytes([sound[place] ^ 0x80]) + sound[place + 1 :])
        try:
            read = MemoryStore(store).read(["a", "b", "c"], contents)
        except StoreError:
            continue
        assert read.mask.shape[0] == 3


def test_all_damaged_files_are_named_at_once(store: Path) -> None:
    for name in SHARDS:
        file = store / name
        file.write_bytes(file.read_bytes()[:4096] + b"\xff" + file.read_bytes()[4097:])
    message = refused(store, verify=True)
    assert message.startswith(", ".join(str(store / name) for name in SHARDS) + " are damaged: their checksums are")


def test_no_flipped_bit_of_a_manifest_is_a_traceback(store: Path) -> None:
    file = store / "manifest.json"
    sound = file.read_bytes()
    for place in range(0, len(sound), 5):
        file.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        try:
            opened = MemoryStore(store)
        except StoreError:
            continue
        changed = json.loads(file.read_bytes())
        promised = ("blake2b", "batch_size", "shard_passages", "tokens")
        differs = [key for key in changed if changed[key] != json.loads(sound)[key]]
        # What opening does not compare, checksums find or nothing but a later update reads.
        assert opened.made_by == MADE_BY, sound[place - 10 : place + 10]
        assert set(differs) <= {"files", "shards", *promised}, sound[place - 10 : place + 10]


def test_checksums_are_compared_only_where_that_is_asked_for(store: Path) -> None:
    file = store / SHARDS[0]
    file.write_bytes(file.read_bytes()[:4096] + b"\xff" + file.read_bytes()[4097:])
    MEMORIES.build(MEMORIES.configure("stored", path=str(store)), text_fingerprint="text")
    with pytest.raises(StoreError, match="checksum"):
        MEMORIES.build(MEMORIES.configure("stored", path=str(store), verify=True), text_fingerprint="text")


def test_a_shard_of_another_store_is_found_at_opening(store: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with StoreWriter(other, plan(made_by=Fingerprint("encoder", "others", 2, "text"))) as writer:
        writer.write(0, "a", "", passages("ab"), lambda tokens, size: None)
        writer.publish([""])
    (store / SHARDS[0]).write_bytes((other / SHARDS[0]).read_bytes())
    assert refused(store).startswith(f"{store / SHARDS[0]} is damaged: its header")


@pytest.mark.parametrize("name", ["notes.txt", "shards/old.bin", "index-00001/more.npy"])
def test_a_foreign_file_is_found_at_opening(store: Path, name: str) -> None:
    (store / name).write_text("")
    assert refused(store).startswith(f"{store / name} is no part of the store; move it elsewhere")
    (store / name).rename((store / name).with_name(".hidden"))
    MemoryStore(store)


@pytest.mark.parametrize("key", ["fingerprint", "codec", "width", "passages", "tokens", "files", "shards", "element"])
@pytest.mark.parametrize("value", [None, 1.5])
def test_a_manifest_without_a_promise_names_the_key(store: Path, key: str, value: Any) -> None:
    change(store, lambda manifest: manifest.pop(key) if value is None else manifest.update({key: value}))
    message = refused(store)
    assert message.startswith(f"{store / 'manifest.json'} is damaged: expected '{key}': ")
    assert message.endswith(f"found {value!r}; make the store anew with `glimmer encode`")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"format_version": 2}, "manifest.json: expected 'format_version': 4, found 2; make the store anew"),
        ({"format_version": None}, "manifest.json: expected 'format_version': 4, found None"),
        ({"passages": 4}, "index-00001 is damaged: expected <u8 of shape (4,), found <u8 of (3,)"),
        ({"width": 5}, "manifest.json is damaged: columns is 4, and the codec's rows have 5"),
        ({"element": "F16"}, "manifest.json is damaged: element is 'F16', and the codec's rows have 'F32'"),
        ({"generation": 2}, "is no memory store: index-00002/keys.npy is missing"),
        (
            {"fingerprint": {"weights": "w"}},
            "damaged: expected a fingerprint of encoder, layers, text, weights, found weights",
        ),
        (
            {"shards": [{}]},
            "damaged: expected a shard of blake2b, bytes, file, first, id_bytes, passages, tokens, found",
        ),
        ({"files": {"x": {"bytes": -1, "blake2b": ""}}}, "expected a file with 'bytes': a whole number, found -1"),
        ({"codec": {}}, "manifest.json: cannot build the codec {}"),
        ({"codec": {"name": "rav"}}, "unknown codec 'rav'; did you mean 'raw'?"),
        ({"codec": {"name": "raw", "dtype": "float33"}}, "dtype has no choice 'float33'; did you mean 'float32'?"),
        ({"codec": {"name": "raw", "bits": 8}}, "unexpected keyword argument 'bits'"),
    ],
)
def test_a_manifest_that_promises_something_else(store: Path, changed: dict[str, Any], message: str) -> None:
    change(store, lambda manifest: manifest.update(changed))
    assert message in refused(store)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"null", b"\xff\xfe"])
def test_a_manifest_that_is_none(store: Path, content: bytes) -> None:
    (store / "manifest.json").write_bytes(content)
    assert re.search(r"manifest\.json(: expected 'format_version'| is damaged: expected a JSON object)", refused(store))


READ_WITHOUT_RIGHTS = """
import os
from pathlib import Path
from glimmer.memory import MemoryStore
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
assert not os.access(".", os.W_OK)
print(MemoryStore(Path("."), verify=True).read(["c", "a"]).mask.sum().item())
"""


def test_a_folder_that_cannot_be_written_is_read(store: Path) -> None:
    for path in [*store.rglob("*"), store]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    command = [sys.executable, "-c", READ_WITHOUT_RIGHTS]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
    result = subprocess.run(command, cwd=store, env=environment, capture_output=True, text=True, check=False)
    assert result.stdout == "5\n", result.stderr


def test_a_state_too_large_for_its_type_is_refused() -> None:
    codec = CODECS.build(CODECS.configure("raw", dtype="float16"), width=2)
    with pytest.raises(StoreError, match=r"a state of 7e\+04 does not fit codec\.dtype=float16, which ends at 6"):
        encoded(codec, torch.tensor([[1.0, -7e4]]))


def test_what_the_disk_refuses_is_one_line(tmp_path: Path) -> None:
    assert "cannot be read: " in refused(tmp_path / ("x" * 300))
