"""Plots of a comparison, as PNG files drawn without a display."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glimmer.analysis.report import NAMES, passages, title
from glimmer.analysis.results import Comparison, Curve, Spread
from glimmer.data.files import write_bytes

AVERAGE = "average"
"""The column of the mean over tasks."""


def draw_comparison(comparison: Comparison, directory: Path) -> dict[str, str]:
    """Draw score against compute, score by task, and gold recall; returns file name → caption."""
    figures = {
        "score_vs_compute.png": (_score_vs_compute(comparison), "Average score against multiply-adds of a question"),
        "score_by_task.png": (_score_by_task(comparison), "Score by task, with the standard deviation over seeds"),
    }
    if any(system.gold_recall_read is not None for system in comparison.systems.values()):
        caption = "Gold passages read against the number of passages read"
        figures["gold_recall.png"] = (_gold_recall(comparison), caption)
    for name, (figure, _) in figures.items():
        _save(figure, directory / name)
    return {name: caption for name, (_, caption) in figures.items()}


def draw_curves(curves: Mapping[str, Mapping[str, Sequence[Curve]]], directory: Path) -> dict[str, str]:
    """Draw training curves: quantity → system → a curve a seed, a panel a quantity; returns file name → caption."""
    if not curves:
        return {}
    systems = list(dict.fromkeys(system for lines in curves.values() for system in lines))
    figure = Figure(figsize=(5 * len(curves), 3.6), layout="constrained")
    for axes, (quantity, lines) in zip(figure.subplots(1, len(curves), squeeze=False)[0], curves.items(), strict=True):
        for system, seeds in lines.items():
            for number, points in enumerate(seeds):
                label = None if number else NAMES.get(system, system)
                axes.plot(*zip(*points, strict=True), color=f"C{systems.index(system)}", label=label, linewidth=1)
        _finish(axes, "step", quantity)
    _save(figure, directory / "training_curves.png")
    return {"training_curves.png": "Training curves, a line a seed"}


def draw_sweep(scores: Mapping[str, Mapping[str, Spread]], key: str, directory: Path) -> dict[str, str]:
    """Draw the scores of a swept key's values (value → task → score): their average where there is one, else by task.

    Returns file name → caption.
    """
    if all(AVERAGE in spreads for spreads in scores.values()):
        caption = f"Average score by {key}"
        figure = _averages({value: spreads[AVERAGE] for value, spreads in scores.items()}, key)
    else:
        caption = f"Score by task and {key}"
        tasks = list(dict.fromkeys(task for spreads in scores.values() for task in spreads))
        rows = {value: [spreads.get(task) for task in tasks] for value, spreads in scores.items()}
        figure = _bars([*map(title, tasks)], rows)
    _save(figure, directory / "sweep.png")
    return {"sweep.png": caption}


def draw_rankings(shares: Mapping[str, Mapping[str, float]], directory: Path) -> dict[str, str]:
    """Draw in what share of each task's questions (task → ranking → percent) a gold passage stands first.

    Returns file name → caption.
    """
    rankings = list(dict.fromkeys(name for row in shares.values() for name in row))
    rows = {name: [Spread(row[name], 0.0) if name in row else None for row in shares.values()] for name in rankings}
    _save(_bars([*map(title, shares)], rows, "gold passage first, %"), directory / "rankings.png")
    return {"rankings.png": "Questions whose first passage is gold"}


def draw_codecs(points: Mapping[str, tuple[float, float]], path: Path) -> None:
    """Draw codecs by their compression and the average score (percent) with memory that they store."""
    figure, axes = _figure()
    for number, (codec, (compression, average)) in enumerate(points.items()):
        axes.plot(compression, average, marker="os^Dv"[number // 10 % 5], ls="", label=codec)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    _finish(axes, "times smaller than bfloat16", "average score")
    axes.legend(fontsize="xx-small")
    _save(figure, path)


def _averages(averages: Mapping[str, Spread], key: str) -> Figure:
    figure, axes = _figure()
    labels = list(averages)
    means, stds = [spread.mean for spread in averages.values()], [spread.std for spread in averages.values()]
    numeric = all(_is_number(label) for label in labels)
    positions = [float(label) for label in labels] if numeric else [float(i) for i in range(len(labels))]
    if numeric:
        axes.errorbar(positions, means, yerr=stds, marker="o", capsize=3)
    else:
        axes.bar(positions, means, yerr=stds, capsize=3)
        axes.set_xticks(positions, labels)
    axes.set_xlabel(key)
    axes.set_ylabel("average score")
    return figure


def _score_vs_compute(comparison: Comparison) -> Figure:
    figure, axes = _figure()
    for name, system in comparison.systems.items():
        label = f"{NAMES.get(name, name)} ({passages(system)})"
        average = system.average
        axes.errorbar(
            system.first.multiply_adds, average.mean, yerr=average.std, marker="o", capsize=3, ls="", label=label
        )
    axes.set_xlim(left=0)
    axes.margins(y=0.2)
    _finish(axes, "multiply-adds per question", "average score")
    return figure


def _score_by_task(comparison: Comparison) -> Figure:
    rows = {
        NAMES.get(name, name): [*(system.score(task) for task in comparison.tasks), system.average]
        for name, system in comparison.systems.items()
    }
    return _bars([*map(title, comparison.tasks), AVERAGE], rows)


def _bars(columns: Sequence[str], rows: Mapping[str, Sequence[Spread | None]], y: str = "score") -> Figure:
    """Scores as bars: a group a column, a colour a row; None leaves a gap."""
    figure = Figure(figsize=(1.6 * len(columns) + 1.4, 4), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(rows)
    for i, (name, spreads) in enumerate(rows.items()):
        shift = (i - (len(rows) - 1) / 2) * width
        shown = {group + shift: spread for group, spread in enumerate(spreads) if spread is not None}
        means, stds = [spread.mean for spread in shown.values()], [spread.std for spread in shown.values()]
        axes.bar(list(shown), means, width, yerr=stds, capsize=3, label=name)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_ylim(0, 100)
    _finish(axes, "", y)
    return figure


def _gold_recall(comparison: Comparison) -> Figure:
    figure, axes = _figure()
    for name, system in comparison.systems.items():
        recall = system.gold_recall_read
        if recall is None:
            continue
        label = f"{NAMES.get(name, name)} ({passages(system)})"
        axes.errorbar(system.first.kept, recall.mean, yerr=recall.std, marker="o", capsize=3, ls="", label=label)
    axes.set_xlim(left=0)
    axes.set_ylim(0, 100)
    _finish(axes, "passages that the decoder reads", "gold passages among them, %")
    return figure


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.5, 4), layout="constrained")
    return figure, figure.subplots()


def _finish(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    axes.legend()


def _save(figure: Figure, path: Path) -> None:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120, metadata={"Software": None})
    write_bytes(path, content.getvalue())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
