"""Plug-ins: code outside the package that registers components.

Two ways in, both as strict as an import: installed packages name a module under the entry-point group
``glimmer.plugins``, and ``user_dir=PATH`` names a folder of Python files. Either may bring YAML files of its own in a
folder ``config`` beside its code, laid out like ``glimmer/config``.
"""

import hashlib
import importlib
import importlib.util
import sys
import traceback
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from glimmer.errors import RegistryError

GROUP = "glimmer.plugins"

_config_folders: dict[str, Path] = {}
"""Folders of YAML files that plug-ins bring, by plug-in."""


def load_plugins(user_dir: str | Path | None = None) -> None:
    """Import every installed plug-in and the one in ``user_dir``; what is imported already stays as it is.

    Every process that builds components must call this, workers and ranks included.

    Raises:
        RegistryError: a plug-in cannot be imported; the message names it and the cause.
    """
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        name = f"{entry.name} = {entry.value}"
        try:
            module = importlib.import_module(entry.module)
        except Exception as error:
            raise _broken(name, error) from error
        if module.__file__ is not None:
            _remember_config(name, Path(module.__file__).parent)
    if user_dir is not None:
        _load_folder(Path(user_dir))


def config_folders() -> list[Path]:
    """The folders of YAML files that the imported plug-ins bring."""
    return list(_config_folders.values())


def _load_folder(folder: Path) -> None:
    """Import a folder as a package: its ``__init__.py``, or else every Python file in it."""
    if not folder.is_dir():
        raise RegistryError(f"user_dir={folder}: no such folder; expected Python files that register components")
    folder = folder.resolve()
    start = folder / "__init__.py"
    files = [start] if start.exists() else sorted(folder.glob("*.py"))
    if not files:
        raise RegistryError(f"user_dir={folder}: no Python file in it; expected some that register components")
    name = module_name(folder)
    if name not in sys.modules:
        before = set(sys.modules)
        try:
            _import_package(name, folder, start if start.exists() else None)
            if not start.exists():
                for file in files:
                    importlib.import_module(f"{name}.{file.stem}")
        except Exception as error:
            for module in set(sys.modules) - before:
                if module == name or module.startswith(f"{name}."):
                    del sys.modules[module]
            raise _broken(f"user_dir={folder}", error) from error
    _remember_config(name, folder)


def module_name(folder: Path) -> str:
    """The name under which a folder is imported: it meets no other module's, and is the same in every process."""
    path = folder.resolve()
    return f"glimmer_user_dir_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}_{path.name.replace('.', '_')}"


def _import_package(name: str, folder: Path, start: Path | None) -> ModuleType:
    if start is None:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
    else:
        found = importlib.util.spec_from_file_location(name, start, submodule_search_locations=[str(folder)])
        assert found is not None
        spec = found
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if spec.loader is not None:
        spec.loader.exec_module(module)
    return module


def _remember_config(plugin: str, folder: Path) -> None:
    if (folder / "config").is_dir():
        _config_folders[plugin] = folder / "config"


def _broken(plugin: str, error: Exception) -> RegistryError:
    if isinstance(error, RegistryError):
        return RegistryError(f"plug-in {plugin}: {error}")
    if isinstance(error, SyntaxError):
        where = f"{error.filename}:{error.lineno}"
    else:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{last.filename}:{last.lineno}"
    cause = " ".join(str(error).split()) or "no message"
    return RegistryError(f"plug-in {plugin} cannot be imported: {type(error).__name__}: {cause} ({where})")
