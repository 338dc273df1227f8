"""Runs that differ in one key of their configuration: a table and a plot over its values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimmer.analysis.plots import draw_sweep
from glimmer.analysis.report import title
from glimmer.analysis.results import Spread, TaskScore
from glimmer.analysis.tables import table
from glimmer.data.files import write_bytes, write_json
from glimmer.errors import ConfigError, DataError, suggest
from glimmer.training.run import CONFIG, differences

SHARED = ("run_dir", "seed")
"""Keys that may differ without being what is swept."""


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

    Raises:
        ConfigError: none differs, or several do and ``key`` names none of them.
    """
    first, *others = configs
    found = {name for other in others for name, _, _ in differences(first, other)}
    keys = sorted(name for name in found if name.split(".")[0] not in SHARED)
    if key is None and len(keys) == 1:
        return keys[0]
    if not keys:
        raise ConfigError("the runs of the sweep have the same configuration; expected one key to differ")
    if key not in keys:
        raise ConfigError(f"say with --key which of the keys that differ was swept; {suggest(key or '', keys)}")
    return key


def write_sweep(points: Sequence[Point], key: str, split: str, directory: Path) -> str:
    """Write ``sweep.md``, ``sweep.json`` and the plot, runs of one value taken together; returns the table."""
    groups: dict[str, list[Point]] = {}
    for point in sorted(points, key=lambda p: _order(_value(p.config, key))):
        groups.setdefault(str(_value(point.config, key)), []).append(point)
    tasks = list(points[0].tasks)
    if any(list(point.tasks) != tasks for point in points):
        raise DataError("the runs of the sweep have different tasks; sweep a run whose tasks stay the same")
    scores = {
        value: {
            **{task: Spread.of(point.tasks[task].score for point in group) for task in tasks},
            "average": Spread.of(sum(s.score for s in point.tasks.values()) / len(tasks) for point in group),
        }
        for value, group in groups.items()
    }
    rows = [
        [value, str(len(groups[value])), *(str(spread) for spread in spreads.values())]
        for value, spreads in scores.items()
    ]
    made = table([key, "runs", *map(title, tasks), "average"], rows)
    averages = [(value, spreads["average"].mean, spreads["average"].std) for value, spreads in scores.items()]
    plots = draw_sweep(averages, key, directory)
    plain = {
        value: {name: {"mean": round(spread.mean, 3), "std": round(spread.std, 3)} for name, spread in spreads.items()}
        for value, spreads in scores.items()
    }
    write_json(directory / "sweep.json", {"key": key, "split": split, "scores": plain})
    pictures = "\n\n".join(f"![{caption}]({name})" for name, caption in plots.items())
    text = (
        f"# {key}\n\nSplit `{split}`; scores from 0 to 100, mean ± sample standard deviation over the runs of a value "
        f"(0 for a single run).\n\n{made}\n\n{pictures}\n"
    )
    write_bytes(directory / "sweep.md", text.encode())
    return made


def _value(config: Mapping[str, Any], key: str) -> Any:
    value: Any = config
    for name in key.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _order(value: Any) -> tuple[bool, float, str]:
    """Numbers by size, before all else by name."""
    number = isinstance(value, int | float)
    return (not number, float(value) if number else 0.0, str(value))
