"""``glimmer components``: what is registered, and with which options."""

import argparse
import dataclasses
import json
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimmer.config.load import OPTIONS  # registers the built-ins too
from glimmer.config.store import files, summary_of
from glimmer.errors import RegistryError, suggest
from glimmer.options import allows_null
from glimmer.plugins import load_plugins
from glimmer.registry import Registry
from glimmer.training.optimizers.base import ParameterGroupConfig
from glimmer.training.passages import StageConfig

DESCRIPTION = """\
List every registered component by kind, those of one kind, or the options of one component. What is only a YAML file,
an encoder's sizes or a whole experiment, stands among them, and its text is shown. Plug-ins count: installed ones
always, those of a folder with --user-dir.

KIND may also be experiment, or a part of a run that is plain options: data, collator, sampler, trainer, trainer.stages,
generation or optimizer.groups.
"""

PARTS: dict[str, type] = {
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
        print(_json(options) if arguments.json else _options_text(f"{arguments.kind}: {summary}", options))
        return 0
    choices = _chosen(arguments.kind, arguments.name)
    if arguments.json:
        print(_json([choice.described() for choice in choices]))
    elif arguments.name is not None:
        print(choices[0].text())
    else:
        print(_list_text(choices))
    return 0


@dataclass(frozen=True)
class Choice:
    """What can be chosen: a registered component, or a YAML file over one."""

    kind: str
    name: str
    summary: str
    source: str
    config: type | None
    """None where it is a file."""

    def described(self) -> dict[str, Any]:
        """All that there is to say, as plain types."""
        said = {"kind": self.kind, "name": self.name, "summary": self.summary, "source": self.source}
        return said if self.config is None else said | {"options": options_of(self.config)}

    def text(self) -> str:
        """The options of a component, the content of a file."""
        if self.config is None:
            return f"{self.source}\n\n{Path(self.source).read_text(encoding='utf-8').rstrip()}"
        return _options_text(f"{self.kind} {self.name}: {self.summary}\n{self.source}", options_of(self.config))


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
        if limits := item.metadata.get("limits"):
            option["allowed"] = f"{limits}{', or null' if allows_null(item.type) else ''}"
        options.append(option | {"help": item.metadata.get("help", "")})
    return options


def _choices() -> dict[str, list[Choice]]:
    """Every kind with its components and, behind them, the YAML files that are more than a component's defaults."""
    kinds = {
        kind: [Choice(kind, entry.name, entry.summary, entry.source, entry.config) for entry in registry]
        for kind, registry in sorted(Registry.kinds.items())
    }
    for file in files():
        chosen = kinds.setdefault(file.group, [])
        if all(file.name != choice.name for choice in chosen):
            chosen.append(Choice(file.group, file.name, summary_of(file.path), str(file.path), None))
    return kinds


def _chosen(kind: str | None, name: str | None) -> list[Choice]:
    kinds = _choices()
    if kind is None:
        return [choice for choices in kinds.values() for choice in choices]
    if kind not in kinds:
        raise RegistryError(f"unknown kind of component {kind!r}; {suggest(kind, [*kinds, *PARTS])}")
    found = [choice for choice in kinds[kind] if name in (None, choice.name)]
    if name is not None and not found:
        raise RegistryError(f"unknown {kind} {name!r}; {suggest(name, [choice.name for choice in kinds[kind]])}")
    return found


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=repr)


def _list_text(entries: Sequence[Choice]) -> str:
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
        allowed = f"; {option['allowed']}" if "allowed" in option else ""
        lines += [f"  {option['name']}: {option['type']}{default}{allowed}", f"      {option['help']}"]
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
