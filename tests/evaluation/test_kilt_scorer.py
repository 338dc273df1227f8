"""KILT's scores: its golden values, equality with a naive reading of its definition, and every broken line."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from kilt_reference import score

from glimmer.cli.main import main
from glimmer.errors import DataError
from glimmer.evaluation.kilt import KiltScores, score_files

Item = dict[str, Any]


def item(name: Any, *outputs: Item) -> Item:
    return {"id": name, "output": list(outputs)}


def output(answer: Any = None, *pages: Any, **keys: Any) -> Item:
    """An output with an answer, unless it is None, and pages as provenance."""
    made = {} if answer is None else {"answer": answer}
    return made | {"provenance": [{"wikipedia_id": page, **keys} for page in pages]}


def scores(folder: Path, gold: Sequence[Item], guess: Sequence[Item], **options: Any) -> KiltScores:
    for name, items in (("gold", gold), ("guess", guess)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(i) + "\n" for i in items), encoding="utf-8")
    return score_files(folder / "gold.jsonl", folder / "guess.jsonl", **options)


# The answers and pages of KILT's own fixtures.
GOLD_1 = [item(1, output("suicide", "10287141")), item(2, output("suicide", "10287141"))]
GOLD_1 += [item(3, output("it was suicide", "10287141"))]
GUESS_1 = [
    item(1, output("suicide", "10287141")),
    item(2, output("a suicide", "999")),
    item(3, output("suicide", "999")),
]
GOLD_2 = [item(1, output("one", 1, "2"), output("two", 5), output("three", 7, 9, 11))]
GUESS_2 = [item(1, output(None, 2, 5, "7", 33, 1, 9, 44, "88"))]


def test_golden_values_of_answers(tmp_path: Path) -> None:
    assert scores(tmp_path, GOLD_1, GUESS_1).figures() == {
        "kilt": {"KILT-accuracy": 1 / 3, "KILT-em": 1 / 3, "KILT-f1": 1 / 3, "KILT-rougel": 0.3333333316666667},
        "downstream": {"accuracy": 1 / 3, "em": 2 / 3, "f1": 0.8333333333333334, "rougel": 0.7222222178240741},
        "retrieval": {"Rprec": 1 / 3, "recall@5": 1 / 3},
    }
    perfect = scores(tmp_path, GOLD_1, GOLD_1).figures()
    assert perfect["kilt"] == {"KILT-accuracy": 1, "KILT-em": 1, "KILT-f1": 1, "KILT-rougel": 0.999999995}
    assert perfect["retrieval"] == {"Rprec": 1, "recall@5": 1}


def test_golden_values_of_retrieval(tmp_path: Path) -> None:
    long = scores(tmp_path, GOLD_2, GUESS_2, ks=[1, 5], answers=False).figures()
    assert long == {
        "retrieval": {
            "Rprec": 1 / 2, "recall@5": 2 / 3, "precision@1": 1, "precision@5": 2 / 5, "success_rate@5": 1,
        }
    }  # fmt: skip
    short = scores(tmp_path, GOLD_2, [item(1, output(None, 5))], ks=[1, 5], answers=False).retrieval
    assert short == {"Rprec": 1, "recall@5": 1 / 3, "precision@1": 1, "precision@5": 1 / 5, "success_rate@5": 1}
