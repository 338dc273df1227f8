"""``glimmer components``: what is registered, and with which options."""

import argparse
import dataclasses
import json
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from glimmer.config.load import OPTIONS  # registers the built-ins too
from glimmer.data.collection import DataConfig
from glimmer.errors import RegistryError, suggest
from glimmer.plugins import load_plugins
from glimmer.registry import Entry, Registry
from glimmer.training.optimizers.base import ParameterGroupConfig
from glimmer.training.passages import StageConfig

DESCRIPTION = """\
List every registered component by kind, those of one kind, or the options of one component. Plug-ins count:
installed ones always, those of a folder with --user-dir.

KIND may also be a part of a run that is plain options: data, collator, sampler, trainer, trainer.stages, generation or
optimizer.groups.
"""

PARTS: dict[str, type] = {
    "data": DataConfig,
    **OPTIONS,
    "trainer.stages": StageConfig,
    "optimizer.groups": ParameterGroupConfig,
}
"""Parts of a run that are plain options, by their keys."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status.

    Raises:
        RegistryError: there is no such kind or component, or a plug-in is broken.
    """
    arguments = _parser().parse_args(argv)
    load_plugins(arguments.user_dir)
    if arguments.kind in PARTS and arguments.name is None:
        part = PARTS[arguments.kind]
        options = options_of(part)
        summary = (part.__doc__ or "").splitlines()[0]
        print(
            json.dumps(options, ensure_ascii=False, indent=2, default=repr)
            if arguments.json
            else _options_text(f"{arguments.kind}: {summary}", options)
        )
        return 0
    entries = _chosen(arguments.kind, arguments.name)
    if arguments.json:
        print(json.dumps([_described(entry) for entry in entries], ensure_ascii=False, indent=2, default=repr))
    elif arguments.name is not None:
        (entry,) = entries
        print(_options_text(f"{entry.kind} {entry.name}: {entry.summary}\n{entry.source}", options_of(entry.config)))
    else:
        print(_list_text(entries))
    return 0


def options_of(config: type) -> list[dict[str, Any]]:
    """The options of a configuration dataclass: name, type, default (absent where the user must give one) and help."""
    types = typing.get_type_hints(config)
    options = []
    for item in dataclasses.fields(config):
        if item.name == "name":
            continue
        option = {"name": item.name, "type": _type_name(types[item.name])}
        if item.default is not dataclasses.MISSING:
            option["default"] = item.default
        elif item.default_factory is not dataclasses.MISSING:
            option["default"] = item.default_factory()
        options.append(option | {"help": item.metadata.get("help", "")})
    return options


def _chosen(kind: str | None, name: str | None) -> list[Entry[Any]]:
    if kind is None:
        return [entry for registry in sorted(Registry.kinds) for entry in Registry.kinds[registry]]
    if kind not in Registry.kinds:
        raise RegistryError(f"unknown kind of component {kind!r}; {suggest(kind, [*Registry.kinds, *PARTS])}")
    registry = Registry.kinds[kind]
    return list(registry) if name is None else [registry[name]]


def _described(entry: Entry[Any]) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "name": entry.name,
        "summary": entry.summary,
        "source": entry.source,
        "options": options_of(entry.config),
    }


def _list_text(entries: Sequence[Entry[Any]]) -> str:
    width = max((len(entry.name) for entry in entries), default=0)
    lines: list[str] = []
    kind = None
    for entry in entries:
        if entry.kind != kind:
            lines += ["", entry.kind] if lines else [entry.kind]
            kind = entry.kind
        lines.append(f"  {entry.name:<{width}}  {entry.summary}")
        lines.append(f"  {'':<{width}}  {entry.source}")
    return "\n".join(lines)


def _options_text(heading: str, options: Sequence[Mapping[str, Any]]) -> str:
    lines = [heading, "", "options:" if options else "no options"]
    for option in options:
        default = f" = {option['default']!r}" if "default" in option else " (must be given)"
        lines += [f"  {option['name']}: {option['type']}{default}", f"      {option['help']}"]
    return "\n".join(lines)


def _type_name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not typing.get_args(kind) else str(kind).replace("typing.", "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="glimmer components", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", nargs="?", metavar="KIND", help="such as reranker (default: all)")
    parser.add_argument("name", nargs="?", metavar="NAME", help="such as first_token (default: all of the kind)")
    parser.add_argument("--user-dir", metavar="PATH", help="folder of a plug-in to import first")
    parser.add_argument("--json", action="store_true", help="print JSON, options included")
    return parser
