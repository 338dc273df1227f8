"""The hub is asked for what a configuration names there, and for nothing else."""

import sys
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from glimmer.data.hub import resolve_folder
from glimmer.errors import ConfigError, DataError


def forbid(*_: Any, **__: Any) -> None:
    raise AssertionError("the hub was asked")


def test_a_folder_is_itself_and_another_name_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "list_repo_files", forbid)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", forbid)
    assert resolve_folder(str(tmp_path)) == tmp_path
    assert resolve_folder("google/t5-v1_1-small") is None
    assert resolve_folder("package:weights.safetensors") is None


@pytest.mark.parametrize(
    ("files", "weights"),
    [
        (["config.json", "model.safetensors", "pytorch_model.bin", "tf_model.h5"], "model*.safetensors"),
        (["config.json", "pytorch_model.bin", "2_Dense/model.safetensors"], "pytorch_model*.bin"),
    ],
)
def test_a_name_of_the_hub_is_fetched_once_without_weights_of_other_kinds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str], weights: str
) -> None:
    asked: dict[str, Any] = {}

    def fetch(name: str, **options: Any) -> str:
        asked.update(options, name=name)
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "list_repo_files", lambda name, revision: files)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    assert resolve_folder("hf:google/t5-v1_1-small@abc") == tmp_path
    assert (asked["name"], asked["revision"]) == ("google/t5-v1_1-small", "abc")
    own = [kind for kind in asked["allow_patterns"] if not kind.startswith("*")]
    assert own == [weights]


def test_what_cannot_be_fetched_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no network\nat all")

    monkeypatch.setattr(huggingface_hub, "list_repo_files", fail)
    with pytest.raises(DataError, match=r"^hf:a/b: cannot be fetched from the hub: no network$"):
        resolve_folder("hf:a/b")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match=r"hf:a/b: needs the extra 'hub' \(pip install 'glimmer\[hub\]'\)"):
        resolve_folder("hf:a/b")
