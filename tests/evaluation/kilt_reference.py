"""KILT's evaluation once more, as naive as its definition reads: what the scorer must equal to the last digit.

It follows the definition step by step, with lists and no regard to time, shares nothing with the package, and takes
ROUGE-L from the ``rouge`` package.
"""

import re
import string
from typing import Any

from rouge import Rouge

Item = dict[str, Any]


def normal(text: str) -> list[str]:
    """The words of a text that count."""
    kept = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", kept).split()


def exact(guess: str, answer: str) -> float:
    return 1.0 if normal(guess) == normal(answer) else 0.0


def overlap(guess: str, answer: str) -> float:
    left, right = normal(guess), normal(answer)
    rest, same = list(right), 0
    for word in left:
        if word in rest:
            rest.remove(word)
            same += 1
    if not same:
        return 0.0
    precision, recall = same / len(left), same / len(right)
    return (2 * precision * recall) / (precision + recall)


def longest(guess: str, answer: str) -> float:
    try:
        return float(Rouge().get_scores(guess, answer, avg=True)["rouge-l"]["f"])
    except ValueError:
        return 0.0


def key(row: Item, keys: list[str]) -> str:
    return "+".join(str(row[k]).strip() for k in keys if k in row)


def pages(output: Item, keys: list[str]) -> list[str]:
    found: list[str] = []
    for row in output.get("provenance", []):
        if all(k in row for k in keys) and key(row, keys) not in found:
            found.append(key(row, keys))
    return found


def r_precision(guess: Item, gold: Item, keys: list[str]) -> float:
    ranked = pages(guess["output"][0], keys)
    values = []
    for output in gold["output"]:
        wanted = pages(output, keys)
        hits = [page for page in ranked[: len(wanted)] if page in wanted]
        values.append(len(hits) / len(wanted) if wanted else 0.0)
    return max(values)


def ranking(guess: Item, gold: Item, keys: list[str]) -> tuple[list[Any], int]:
    """The items of the rank, where a text stands for a set of which a part was found; and the number of sets."""
    ranked = pages(guess["output"][0], keys)
    if not ranked:
        return [], 0
    sets: list[list[str]] = []
    for output in gold["output"]:
        if "provenance" in output:
            members = sorted({key(row, keys) for row in output["provenance"]})
            if members not in sets:
                sets.append(members)
    items: list[Any] = []
    left = [list(members) for members in sets]
    for page in ranked:
        holders = [number for number, members in enumerate(left) if page in members]
        for number in holders:
            items = [item for item in items if item != f"set {number}"]
            left[number].remove(page)
            items.append(f"set {number}" if left[number] else True)
        if not holders:
            items.append(False)
    return items, len(sets)


def score(golds: list[Item], guesses: list[Item], ks: list[int], keys: list[str]) -> dict[str, dict[str, float]]:
    """All figures; the guesses in any order."""
    parts: dict[str, dict[str, float]] = {"kilt": {}, "downstream": {}, "retrieval": {}}

    def add(part: str, name: str, value: float) -> None:
        parts[part][name] = parts[part].get(name, 0.0) + value

    for gold in golds:
        (guess,) = (g for g in guesses if str(g["id"]).strip() == str(gold["id"]).strip())
        precise = r_precision(guess, gold, keys)
        text = str(guess["output"][0]["answer"]).strip()
        answers = {o["answer"].strip() for o in gold["output"] if o.get("answer") and o["answer"].strip()}
        values = {"accuracy": 0.0, "em": 0.0, "f1": 0.0, "rougel": 0.0}
        if text:
            values["accuracy"] = 1.0 if text in answers else 0.0
            values["em"] = max(exact(text, a) for a in answers)
            values["f1"] = max(overlap(text, a) for a in answers)
            values["rougel"] = max(longest(text, a) for a in answers)
        for name, value in values.items():
            add("downstream", name, value)
            add("kilt", f"KILT-{name}", value if precise == 1 else 0.0)
        add("retrieval", "Rprec", precise)
        items, sets = ranking(guess, gold, keys)
        for k in sorted({*ks, 5}):
            hits = items[:k].count(True)
            if k in ks:
                add("retrieval", f"precision@{k}", hits / k if sets else 0.0)
            if k > 1:
                add("retrieval", f"recall@{k}", hits / sets if sets else 0.0)
            if k > 1 and k in ks:
                add("retrieval", f"success_rate@{k}", float(True in items[:k]) if sets else 0.0)
    return {part: {name: total / len(golds) for name, total in found.items()} for part, found in parts.items()}
