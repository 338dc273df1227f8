"""Runs that differ in one key of their configuration: a table and a plot over its values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from glimmer.analysis.plots import AVERAGE, draw_sweep
from glimmer.analysis.report import title
from glimmer.analysis.results import Spread, TaskScore, mean_gold_recall
from glimmer.analysis.tables import table
from glimmer.data.files import write_bytes, write_json
from glimmer.errors import ConfigError, DataError, suggest
from glimmer.training.run import CONFIG, differences

GOLD_READ = "gold read"
SHARED = ("run_dir", "seed")
"""Keys that may differ without being what is swept."""

_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
"""A name or a place in a list, as keys such as ``trainer.stages[0].passages`` are made of."""
_LAST = re.compile(r"(?:\.[^.\[\]]+|\[\d+\])$")
_MISSING = object()


@dataclass(frozen=True)
class Point:
    """One evaluated run of a sweep: its configuration as plain types, and its tasks' scores."""

    config: Mapping[str, Any]
    tasks: Mapping[str, TaskScore]


def find_runs(folder: Path) -> list[Path]:
    """The folders of runs anywhere below ``folder``.

    Raises:
        DataError: there is none.
    """
    found = sorted(path.parent for path in folder.rglob(CONFIG) if (path.parent / "checkpoints").is_dir())
    if not found:
        raise DataError(f"{folder}: holds no runs; expected folders with {CONFIG} and checkpoints, as --multirun makes")
    return found


def swept_key(configs: Sequence[Mapping[str, Any]], key: str | None) -> str:
    """The one key in which configurations differ, or ``key`` where several change together.

    What some configurations lack (a task, a stage, an option of another component) makes a difference of the part that
    would hold it: runs on different tasks differ in the one key ``tasks``.

    Raises:
        ConfigError: none differs, or several do and ``key`` names none of them.
    """
    first, *others = configs
    found = {_held_by_all(name, configs) for other in others for name, _, _ in differences(first, other)}
    found = {name for name in found if name not in SHARED}
    keys = sorted(name for name in found if not any(name.startswith((f"{part}.", f"{part}[")) for part in found))
    if key is None and len(keys) == 1:
        return keys[0]
    if not keys:
        raise ConfigError("the runs of the sweep have the same configuration; expected one key to differ")
    if key not in found:
        raise ConfigError(f"say with --key which of the keys that differ was swept; {suggest(key or '', keys)}")
    return key


def write_sweep(points: Sequence[Point], key: str, split: str, directory: Path) -> str:
    """Write ``sweep.md``, ``sweep.json`` and the plot, runs of one value taken together; returns the table.

    Runs whose values have different tasks are compared task by task; an average is given where all have the same.

    Raises:
        ConfigError: a run has no such key.
        DataError: runs of one value have different tasks, or no two values have a task in common.
    """
    groups = _grouped(points, key)
    scores = {value: _scores(group, f"{key}={value}") for value, group in groups.items()}
    tasks = list(dict.fromkeys(task for spreads in scores.values() for task in spreads))
    if len(scores) > 1 and all(sum(task in spreads for spreads in scores.values()) == 1 for task in tasks):
        raise DataError(f"runs of different {key} have no task in common; expected one to compare them by")
    columns = tasks
    if all(len(spreads) == len(tasks) for spreads in scores.values()):
        columns = [*tasks, AVERAGE, GOLD_READ]
        for value, group in groups.items():
            scores[value][AVERAGE] = Spread.of(fmean(s.score for s in point.tasks.values()) for point in group)
            if (recall := Spread.of_known(mean_gold_recall(point.tasks.values()) for point in group)) is not None:
                scores[value][GOLD_READ] = recall
    rows = [
        [value, str(len(groups[value])), *(str(spreads.get(column, "–")) for column in columns)]
        for value, spreads in scores.items()
    ]
    made = table([key, "runs", *map(title, columns)], rows)
    plots = draw_sweep(scores, key, directory)
    plain = {
        value: {name: {"mean": round(spread.mean, 3), "std": round(spread.std, 3)} for name, spread in spreads.items()}
        for value, spreads in scores.items()
    }
    write_json(directory / "sweep.json", {"key": key, "split": split, "scores": plain})
    pictures = "\n\n".join(f"![{caption}]({name})" for name, caption in plots.items())
    text = (
        f"# {key}\n\nSplit `{split}`; scores from 0 to 100, mean ± sample standard deviation over the runs of a value "
        f"(0 for a single run). *{GOLD_READ}*: share of the gold passages that the decoder read, mean over tasks."
        f"\n\n{made}\n\n{pictures}\n"
    )
    write_bytes(directory / "sweep.md", text.encode())
    return made


def _held_by_all(key: str, configs: Sequence[Mapping[str, Any]]) -> str:
    """``key``, or the part round it that no configuration lacks."""
    for config in configs:
        while _LAST.search(key) and _value(config, key) is _MISSING:
            key = _LAST.sub("", key)
    return key


def _grouped(points: Sequence[Point], key: str) -> dict[str, list[Point]]:
    """The points of every value by its name, in the order of the values."""
    values = [_value(point.config, key) for point in points]
    for point, value in zip(points, values, strict=True):
        if value is _MISSING:
            raise ConfigError(f"{point.config['run_dir']} has no {key}; name with --key one that all runs have")
    names = {str(value): _name(value) for value in values}
    if len(set(names.values())) < len(names):
        names = {text: text for text in names}  # two choices of one name, told apart by all that they hold
    groups: dict[str, list[Point]] = {}
    for value, point in sorted(zip(values, points, strict=True), key=lambda pair: _order(pair[0])):
        groups.setdefault(names[str(value)], []).append(point)
    return groups


def _scores(group: Sequence[Point], where: str) -> dict[str, Spread]:
    tasks = list(group[0].tasks)
    if any(point.tasks.keys() != group[0].tasks.keys() for point in group):
        raise DataError(f"the runs with {where} have different tasks; expected the same, or another --key")
    return {task: Spread.of(point.tasks[task].score for point in group) for task in tasks}


def _value(config: Mapping[str, Any], key: str) -> Any:
    """What stands at a key such as ``trainer.stages[0].passages``, or ``_MISSING``."""
    value: Any = config
    for name, place in _PART.findall(key):
        try:
            value = value[int(place) if place else name]
        except (LookupError, TypeError):
            return _MISSING
    return value


def _name(value: Any) -> str:
    """What a table calls a value: a component by its name, several by their keys."""
    if isinstance(value, Mapping):
        return str(value.get("name", "+".join(value)))
    return str(value)


def _order(value: Any) -> tuple[bool, float, str]:
    """Numbers by size, before all else by name."""
    number = isinstance(value, int | float)
    return (not number, float(value) if number else 0.0, _name(value))
