"""Plug-ins: a folder or an installed package registers components, and a broken one says what is wrong."""

import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import glimmer.plugins
from glimmer.config.compose import compose_run
from glimmer.errors import ConfigError, RegistryError
from glimmer.models.rerankers import RERANKERS
from glimmer.plugins import load_plugins, module_name

HEAD = '''
from dataclasses import dataclass
from glimmer.models.rerankers import Reranker, RerankerConfig, register_reranker
from glimmer.options import option


@dataclass(kw_only=True)
class MyConfig(RerankerConfig):
    depth: int = option(2, "How deep")


@register_reranker("{name}", MyConfig)
class MyHead(Reranker):
    """My head."""

    def score(self, pairs):
        return pairs.states.values[:, 0, 0]
'''


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave no component of a test's plug-in behind."""
    monkeypatch.setattr(RERANKERS, "_entries", dict(RERANKERS._entries))
    monkeypatch.setattr(glimmer.plugins, "_config_folders", {})
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("glimmer_user_dir_"):
            del sys.modules[name]


def folder(path: Path, **files: str) -> Path:
    path.mkdir()
    for name, text in files.items():
        (path / f"{name}.py").write_text(text)
    return path


def test_a_folder_of_files_registers_and_needs_no_yaml(tmp_path: Path) -> None:
    mine = folder(tmp_path / "mine", head=HEAD.format(name="mine"))
    config = compose_run([f"user_dir={mine}", "experiment=glimmer", "reranker=mine", "reranker.depth=3"])
    assert (config.reranker.name, config.reranker.depth) == ("mine", 3)
    assert config.user_dir == str(mine)


def test_a_package_imports_its_own_modules_and_brings_yaml(tmp_path: Path) -> None:
    mine = folder(tmp_path / "package", __init__="from . import head", head=HEAD.format(name="ours"))
    yaml = mine / "config" / "reranker" / "deep.yaml"
    yaml.parent.mkdir(parents=True)
    yaml.write_text("defaults: [ours]\ndepth: 9\n")
    config = compose_run([f"user_dir={mine}", "experiment=glimmer", "reranker=deep"])
    assert (config.reranker.name, config.reranker.depth) == ("ours", 9)


def test_a_yaml_file_never_hides_another(tmp_path: Path) -> None:
    mine = folder(tmp_path / "hidden", head="")
    yaml = mine / "config" / "reranker" / "max_sim.yaml"
    yaml.parent.mkdir(parents=True)
    yaml.write_text("defaults: [/schema/reranker/max_sim@_here_]\nscale: 3\n")
    with pytest.raises(RegistryError, match="two YAML files are reranker/max_sim: ") as caught:
        compose_run([f"user_dir={mine}", "experiment=glimmer", "reranker=max_sim"])
    built_in = Path(glimmer.__file__).parent / "config" / "reranker" / "max_sim.yaml"
    assert f"{built_in} and {yaml}; " in str(caught.value)


def test_loading_again_changes_nothing(tmp_path: Path) -> None:
    mine = folder(tmp_path / "again", head=HEAD.format(name="again"))
    load_plugins(mine)
    load_plugins(f"{mine}/")
    assert "again" in RERANKERS


def test_two_folders_of_one_name_do_not_meet(tmp_path: Path) -> None:
    for parent, name in (("a", "first"), ("b", "second")):
        (tmp_path / parent).mkdir()
        load_plugins(folder(tmp_path / parent / "mine", head=HEAD.format(name=name)))
    assert "first" in RERANKERS
    assert "second" in RERANKERS
    assert module_name(tmp_path / "a" / "mine") != module_name(tmp_path / "b" / "mine")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("import no_such_module_here", r"ModuleNotFoundError: No module named 'no_such_module_here' \(.*head\.py:1\)"),
        ("x = (", r"SyntaxError: .*head\.py:1"),
        (HEAD.format(name="max_sim"), "two components register as reranker 'max_sim'.*MaxSimReranker.*MyHead"),
    ],
)
def test_a_broken_folder_names_the_plug_in_and_the_cause(tmp_path: Path, text: str, cause: str) -> None:
    broken = folder(tmp_path / "broken", head=text)
    with pytest.raises(RegistryError, match=cause) as caught:
        load_plugins(broken)
    assert str(caught.value).startswith(f"plug-in user_dir={broken}")
    assert "\n" not in str(caught.value)
    assert module_name(broken) not in sys.modules


def test_a_missing_or_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="nowhere: no such folder"):
        load_plugins(tmp_path / "nowhere")
    with pytest.raises(RegistryError, match="no Python file"):
        load_plugins(folder(tmp_path / "empty"))


def test_an_installed_plug_in_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path / "glimmer_installed_head", __init__=HEAD.format(name="installed"))
    install(tmp_path, "glimmer_installed_head", monkeypatch)
    load_plugins()
    assert "installed" in RERANKERS
    del sys.modules["glimmer_installed_head"]


def test_a_broken_installed_plug_in_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path / "glimmer_broken_head", __init__="raise ValueError('out of order')")
    install(tmp_path, "glimmer_broken_head", monkeypatch)
    with pytest.raises(RegistryError, match=r"plug-in heads = glimmer_broken_head .*ValueError: out of order"):
        load_plugins()


def install(site: Path, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make ``site`` a place of installed packages, one of which names ``module`` as a plug-in."""
    info = site / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[glimmer.plugins]\nheads = {module}\n")
    monkeypatch.syspath_prepend(str(site))


def test_a_spawned_worker_imports_the_folder_that_the_configuration_names(tmp_path: Path) -> None:
    mine = folder(tmp_path / "spawned", head=HEAD.format(name="spawned"))
    overrides = [f"user_dir={mine}", "experiment=glimmer", "reranker=spawned"]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(depth_of, (overrides,)) == 2


def depth_of(overrides: list[str]) -> int:
    return compose_run(overrides).reranker.depth  # type: ignore[no-any-return]


def test_a_sweep_over_folders_is_refused() -> None:
    with pytest.raises(ConfigError, match="share one user_dir"):
        compose_run(["user_dir=a,b"])
