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


def output(answer: Any = None, *pages: Any) -> Item:
    """An output with an answer, unless it is None, and with pages as provenance, if there are any."""
    made: Item = {} if answer is None else {"answer": answer}
    return made | ({"provenance": [{"wikipedia_id": page} for page in pages]} if pages else {})


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


WORDS = [
    "a", "an", "the", "The", "A.", "paris", "Paris", "PARIS", "1,990", "1990", "U.S.", "u.s", ".", "..", "...", "!",
    "-", "mother-in-law", "É", "é", "e\u0301", "İ", "ß", "ﬁ", "Straße", "東京", "\u00a0", "\u3000", "\u200b", "’",
    "“q”", "¿", "\t", "\n", "\x85", "\x1c", "_", "0", "None", "x", "y", "z",
]  # fmt: skip
PAGES: list[Any] = ["1", 1, " 1 ", "2", 2, "3", "4", "5\u00a0", "5", 6, "", " ", None, True, 1.0, "é", "1+2"]
GAPS = ["", " ", "  ", ".", ". ", "\n"]


def text(rng: random.Random, most: int) -> str:
    gap = rng.choice(GAPS)
    return gap.join(rng.choices(WORDS, k=rng.randrange(most + 1)))


def provenance(rng: random.Random) -> Item:
    """Pages, often repeated, few to choose from; now and then a key is missing, or all of them."""
    if rng.random() < 0.15:
        return {}
    pages = rng.choices(PAGES[: rng.choice([3, 8, len(PAGES)])], k=rng.choice([0, 1, 1, 2, 3, 8]))
    rows: list[Item] = [{"wikipedia_id": page, "start_paragraph_id": rng.choice([0, "0", 1, "x"])} for page in pages]
    for row in rows:
        for name in list(row):
            if rng.random() < 0.05:
                del row[name]
    return {"provenance": rows}


def case(rng: random.Random, number: int) -> tuple[Item, Item]:
    """A gold record and a guess that often share answers, sets of pages and oddities."""
    outputs: list[Item] = []
    for _ in range(rng.choice([1, 1, 2, 3, 6])):
        made = provenance(rng)
        if outputs and rng.random() < 0.3:  # a set that another holds, or is held by
            rows = rng.choice(outputs).get("provenance", [])
            made = {"provenance": rng.choices(rows, k=rng.randint(1, 3)) if rows else []}
        kind = rng.random()
        if kind < 0.75:
            made["answer"] = text(rng, 6)
        elif kind < 0.85:
            made["answer"] = rng.choice(["", None, "  ", "\u00a0"])
        outputs.append(made)
    answers = [o["answer"] for o in outputs if (o.get("answer") or "").strip()]
    if not answers:
        outputs[-1]["answer"] = rng.choice(WORDS).strip() or "x"
        answers = [outputs[-1]["answer"]]
    guess: Any = rng.choice([*answers, text(rng, 6), rng.choice(answers) + rng.choice(GAPS), "", 7, 1.5])
    if isinstance(guess, str) and rng.random() < 0.3:
        guess = rng.choice([guess.upper(), f"the {guess}", f"{guess}.", f" {guess} {text(rng, 2)}"])
    rows = [row for o in outputs for row in o.get("provenance", [])]
    guessed = provenance(rng)
    if rows and rng.random() < 0.6:
        rows += guessed.get("provenance", [])
        guessed = {"provenance": rng.sample(rows, rng.randint(1, len(rows)))}
    name: Any = rng.choice([number, str(number), f" {number}\n"])
    return item(name, *outputs), item(rng.choice([number, f"{number} "]), {"answer": guess, **guessed})


@pytest.mark.parametrize("keys", [["wikipedia_id"], ["wikipedia_id", "start_paragraph_id"]], ids=len)
def test_every_figure_equals_the_naive_reading_of_its_definition(tmp_path: Path, keys: list[str]) -> None:
    rng = random.Random(len(keys))
    compared = 0
    for run in range(120):
        cases = [case(rng, number) for number in range(rng.choice([1, 3, 40]))]
        ks = rng.choice([[], [1], [1, 5], [20, 10, 5, 1], [2, 3]])
        golds, guesses = [gold for gold, _ in cases], [guess for _, guess in cases]
        expected = score(golds, guesses, ks, keys)
        extra = [item("another", {"answer": "x"}), item("broken")][: rng.randrange(3)]
        shuffled = rng.sample([*guesses, *extra], len(guesses) + len(extra))
        found = scores(tmp_path, golds, shuffled, ks=ks, rank_keys=keys)
        assert found.figures() == expected, run
        assert (found.questions, found.others) == (len(golds), len(extra))
        compared += len(cases)
    assert compared > 1200


def test_the_cases_are_hard_enough() -> None:
    rng = random.Random(0)
    cases = [case(rng, number) for number in range(500)]
    figures = [score([gold], [guess], [1, 2], ["wikipedia_id"]) for gold, guess in cases]
    for part, name in (
        ("kilt", "KILT-f1"),
        ("downstream", "rougel"),
        ("retrieval", "Rprec"),
        ("retrieval", "recall@2"),
    ):
        values = {f[part][name] for f in figures}
        assert {0.0} < values
        assert len(values) > 5, name
    assert sum(any(o.get("provenance") == [] for o in gold["output"]) for gold, _ in cases) > 50


def test_odd_cases_by_hand(tmp_path: Path) -> None:
    def of(golds: list[Item], guess: Item, **options: Any) -> dict[str, dict[str, float]]:
        return scores(tmp_path, [item(1, *golds)], [item("1 ", guess)], **options).figures()

    nothing = {"accuracy": 0, "em": 0, "f1": 0, "rougel": 0}
    # An empty answer scores nothing, but what it retrieved counts.
    empty = of([output("x", 1)], output(" ", 1))
    assert empty["downstream"] == nothing
    assert empty["kilt"]["KILT-em"] == 0
    assert empty["retrieval"] == {"Rprec": 1, "recall@5": 1}
    # Articles and punctuation alone are equal once normalised, without any word in common.
    assert of([output("The")], output("..!"))["downstream"] == {"accuracy": 0, "em": 1, "f1": 0, "rougel": 0}
    # Stops alone are no sentence; one empty word equals another.
    assert of([output("...")], output("..."))["downstream"] == {"accuracy": 1, "em": 1, "f1": 0, "rougel": 0}
    assert of([output(". .")], output(". ."))["downstream"]["rougel"] == pytest.approx(1)
    # Case counts in accuracy and ROUGE-L alone.
    assert of([output("Paris")], output("paris"))["downstream"] == {"accuracy": 0, "em": 1, "f1": 1, "rougel": 0}
    # Without pages guessed, or without pages known, nothing is retrieved, and nothing is combined.
    none: Item = output("x") | {"provenance": []}
    for gold, guess in ((output("x", 1), output("x")), (output("x"), output("x", 1)), (output("x", 1), none)):
        found = of([gold], guess, ks=[1, 5])
        assert set(found["retrieval"].values()) == {0}
        assert found["kilt"]["KILT-em"] == 0
        assert found["downstream"]["em"] == 1
    # A page twice is one page; R-precision takes the best output, recall all of them.
    twice = of([output("x", 1, 1, " 1"), output("y", 2), output("z", 2)], output("x", 3, 1, "1", 2))
    assert twice["retrieval"] == {"Rprec": 0, "recall@5": 1}
    # An empty list is an evidence set, an absent one is not.
    assert of([output("x", 1), output("y") | {"provenance": []}], output("x", 1))["retrieval"]["recall@5"] == 1 / 2
    assert of([output("x", 1), output("y")], output("x", 1))["retrieval"]["recall@5"] == 1
    # What names no page is in the evidence set as a page without a name, but not among those of R-precision.
    unnamed = {"answer": "x", "provenance": [{"wikipedia_id": 1}, {"title": "T"}]}
    assert of([unnamed], output("x", 1))["retrieval"] == {"Rprec": 1, "recall@5": 0}
    assert of([unnamed], output("x", 1, " "))["retrieval"] == {"Rprec": 1, "recall@5": 1}
    # A set that is part of another: both are complete with the last page, one item each.
    nested = of([output("x", 1, 2), output("y", 2)], output("x", 1, 2), ks=[1, 2])["retrieval"]
    assert nested == {
        "Rprec": 1, "recall@5": 1, "precision@1": 1, "precision@2": 1, "recall@2": 1, "success_rate@2": 1,
    }  # fmt: skip


def test_figures_do_not_depend_on_the_order_of_guesses_but_sum_in_that_of_gold(tmp_path: Path) -> None:
    rng = random.Random(3)
    cases = [case(rng, number) for number in range(300)]
    golds, guesses = [gold for gold, _ in cases], [guess for _, guess in cases]
    assert scores(tmp_path, golds, guesses) == scores(tmp_path, golds, guesses[::-1])


def test_numbers_and_answers_are_compared_as_their_text(tmp_path: Path) -> None:
    found = scores(tmp_path, [item(" 7 ", output("1990", 12))], [item(7, output(1990, "12 "))]).figures()
    assert found["downstream"]["accuracy"] == found["kilt"]["KILT-accuracy"] == found["retrieval"]["Rprec"] == 1


GOOD = item("a", output("x", 1))


BROKEN = "guess.jsonl:1: the guess 'a'"


@pytest.mark.parametrize(
    ("guess", "message"),
    [
        ('{"id": "a", "outp', "guess.jsonl:1: not JSON: "),
        ([[]], "guess.jsonl:1: expected a guess "),
        ([{"name": 1}], "guess.jsonl:1: there is no 'id'; Known: name; expected"),
        ([item(None, output("x"))], "guess.jsonl:1: 'id' must be text or a number, found None"),
        ([{"id": "a", "outputs": []}], f"{BROKEN} has no 'output'; did you mean 'outputs'"),
        ([item("a")], f"{BROKEN}: 'output' has no entry; expected exactly one"),
        ([item("a", output("x"), output("x"))], f"{BROKEN}: 'output' has 2 entries; expected exactly one"),
        ([{"id": "a", "output": {}}], f"{BROKEN}: 'output' must be a list of objects"),
        ([{"id": "a", "output": ["x"]}], f"{BROKEN}: 'output' must be a list of objects"),
        ([item("a", output())], f"{BROKEN} has no answer text; expected 'answer': text"),
        ([item("a", {"answer": None})], f"{BROKEN} has no answer text; expected 'answer': text, found None"),
        ([item("a", {"answer": ["x"]})], f"{BROKEN} has no answer text; expected 'answer': text, found ['x']"),
        ([item("a", {"answer": "x", "provenance": None})], f"{BROKEN}: 'provenance' must be a list of objects"),
        ([item("a", {"answer": "x", "provenance": [1]})], f"{BROKEN}: 'provenance' must be a list of objects"),
        ([GOOD, item(" a", output("x"))], "guess.jsonl:2: duplicate id 'a', first used in line 1"),
        ([GOOD, item("b"), item("b")], "guess.jsonl:3: duplicate id 'b', first used in line 2"),
        ([item("b", output("x"))], "guess.jsonl: there is no guess for the id 'a' of {gold}:1 (and 1 more)"),
        ([GOOD], "guess.jsonl: there is no guess for the id 'c' of {gold}:2; every"),
        ("", "guess.jsonl: the file is empty"),
    ],
)
def test_a_broken_guess_is_named_by_file_and_line(tmp_path: Path, guess: Any, message: str) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(f"{json.dumps(GOOD)}\n{json.dumps(item('c', output('y')))}\n")
    lines = guess if isinstance(guess, str) else "\n".join(map(json.dumps, guess))
    (tmp_path / "guess.jsonl").write_text(lines)
    with pytest.raises(DataError) as caught:
        score_files(gold, tmp_path / "guess.jsonl")
    assert str(caught.value).startswith(f"{tmp_path}/{message.replace('{gold}', str(gold))}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        ('{"id": 1, "input": "q"}', "gold.jsonl:1: the gold record '1' has no 'output' (is this a blind test set?)"),
        (json.dumps(item(1)), "gold.jsonl:1: the gold record '1' has no output; "),
        (json.dumps(item(1, output(None, 3))), "gold.jsonl:1: the gold record '1' has no answer to compare with"),
        (json.dumps(item(1, {"answer": ["x"]})), "gold.jsonl:1: the gold record '1': an answer must be text, found"),
        (json.dumps(item(1, {"provenance": 3})), "gold.jsonl:1: the gold record '1': 'provenance' must be a list"),
        (f"{json.dumps(item(1, output('x')))}\n" * 2, "gold.jsonl:2: duplicate id '1', first used in line 1"),
        ("", "gold.jsonl: the file is empty"),
    ],
)  # fmt: skip
def test_a_broken_gold_record_is_named(tmp_path: Path, gold: str, message: str) -> None:
    (tmp_path / "gold.jsonl").write_text(gold)
    (tmp_path / "guess.jsonl").write_text(json.dumps(item(1, output("x"))))
    with pytest.raises(DataError) as caught:
        score_files(tmp_path / "gold.jsonl", tmp_path / "guess.jsonl")
    assert str(caught.value).startswith(f"{tmp_path}/{message}")


def test_a_record_without_answer_asks_for_none_where_none_was_guessed(tmp_path: Path) -> None:
    assert scores(tmp_path, [item(1, output(None, 3))], [item(1, output("", 3))]).figures()["retrieval"]["Rprec"] == 1


def test_retrieval_alone_takes_the_one_output_with_a_provenance(tmp_path: Path) -> None:
    guess = item(1, output("x"), output(None, 5), output("y"))
    assert scores(tmp_path, GOLD_2, [guess], answers=False).retrieval["Rprec"] == 1
    with pytest.raises(DataError, match="'output' has 2 entries with a provenance; expected exactly one"):
        scores(tmp_path, GOLD_2, [item(1, output("x", 1), output("x", 2))], answers=False)


def test_the_command_prints_kilts_keys_or_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores(tmp_path, GOLD_1, [*GUESS_1, item("other")])
    files = [str(tmp_path / "gold.jsonl"), str(tmp_path / "guess.jsonl")]
    assert main(["score", *files, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {part: list(figures) for part, figures in found.items()} == {
        "kilt": ["KILT-accuracy", "KILT-em", "KILT-f1", "KILT-rougel"],
        "downstream": ["accuracy", "em", "f1", "rougel"],
        "retrieval": ["Rprec", "recall@5"],
    }
    assert found["kilt"]["KILT-rougel"] == 0.3333333316666667
    assert main(["score", *files, "--json", "--ks", "1,5", "--retrieval-only"]) == 0
    found = json.loads(capsys.readouterr().out)
    third = 1 / 3
    assert found["retrieval"].pop("precision@5") == 1 / 15
    assert found == {
        "retrieval": {"Rprec": third, "recall@5": third, "precision@1": third, "success_rate@5": third}
    }  # fmt: skip
    assert main(["score", *files]) == 0
    printed = capsys.readouterr().out
    assert "3 questions, 1 guess of another id left out" in printed
    assert "| downstream | 33.33 | 66.67 | 83.33 |  72.22 |" in printed.replace("    ", " ")
    assert main(["score", files[1], files[0]]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("ks", ["0", "1,,5", "five", "-1"])
def test_a_rank_is_a_whole_number_of_at_least_one(ks: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["score", "gold", "guess", "--ks", ks])
    assert "--ks" in capsys.readouterr().err
