"""Answer metrics: hand-computed values, KILT's golden values, and equality with the packages they follow."""

import random

import pytest
import sacrebleu
from rouge import Rouge

from glimmer.errors import RegistryError
from glimmer.evaluation.metrics import build_metric
from glimmer.evaluation.metrics.rouge import rouge_l
from glimmer.evaluation.metrics.text import normalise

# Three answers with the scores of KILT's first fixture: identical, equal once normalised, and one word of two.
GOLDEN_ANSWERS = [["suicide"], ["suicide"], ["it was suicide"]]
GOLDEN_PREDICTIONS = ["suicide", "a suicide", "suicide"]


def test_normalisation_deletes_punctuation_before_articles() -> None:
    assert normalise("The  U.S.A., a (vast)\tland!") == "usa vast land"
    assert normalise("a-the") == "athe"
    assert normalise("theme") == "theme"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("exact_match", 2 / 3), ("f1", 5 / 6), ("rouge_l", 0.7222222), ("accuracy", 1 / 3)],
)
def test_kilt_golden_values(name: str, expected: float) -> None:
    assert build_metric(name).corpus(GOLDEN_PREDICTIONS, GOLDEN_ANSWERS) == pytest.approx(expected, abs=1e-7)


def test_the_best_answer_counts() -> None:
    for name in ("exact_match", "f1", "accuracy", "rouge_l"):
        metric = build_metric(name)
        assert metric.name == name
        assert metric.score("Paris", ["London", "Paris"]) == pytest.approx(1.0)
        assert metric.score("Paris", []) == 0.0


def test_f1_counts_repeated_words_as_often_as_both_have_them() -> None:
    # "new new york" against "new york york": overlap 2 of 3 and 3 words.
    assert build_metric("f1").score("new new york", ["new york york"]) == pytest.approx(2 / 3)
    assert build_metric("f1").score("paris", ["london"]) == 0.0


def test_accuracy_is_to_the_letter() -> None:
    accuracy = build_metric("accuracy")
    assert accuracy.score(" SUPPORTS ", ["SUPPORTS"]) == 1.0
    assert accuracy.score("supports", ["SUPPORTS"]) == 0.0
    assert accuracy.score("SUPPORTS.", ["SUPPORTS"]) == 0.0


def test_a_perfect_rouge_l_is_just_below_one() -> None:
    assert rouge_l("one two three", "one two three") == pytest.approx(0.999999995, abs=1e-12)


def test_rouge_l_of_a_hand_computed_pair() -> None:
    # The subsequence "a c" has 2 of 3 and of 4 words: 2pr/(p+r) with p=2/3, r=2/4.
    assert rouge_l("a c x", "a b c d") == pytest.approx(4 / 7, abs=1e-7)


def test_rouge_l_equals_the_rouge_package() -> None:
    rng = random.Random(0)
    alphabet = ["a", "b", "c", "dd", "e", "The", ".", ". ", "..", "f.g", "  ", "é"]
    compared = 0
    for _ in range(300):
        texts = [
            rng.choice(["", " "]).join(rng.choices(alphabet, k=rng.randrange(16)))
            if rng.random() < 0.5
            else " ".join(rng.choices(alphabet, k=rng.randrange(16)))
            for _ in range(2)
        ]
        try:
            expected = Rouge().get_scores(*texts, avg=True)["rouge-l"]["f"]
            compared += 1
        except ValueError:
            expected = 0.0
        assert rouge_l(*texts) == expected, texts
    assert compared > 200


def test_an_empty_prediction_scores_nothing_but_counts() -> None:
    for name in ("exact_match", "f1", "accuracy", "rouge_l"):
        assert build_metric(name).corpus(["yes", "  "], [["yes"], [""]]) == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_corpus_metrics_are_sacrebleu_as_fractions(name: str) -> None:
    predictions = ["the cat sat on the mat today", "a dog was barking loudly at night"]
    answers = [["the cat sat on a mat today", "a cat was sitting on the mat"], ["the dog was barking loudly all night"]]
    scorer = {"bleu": sacrebleu.corpus_bleu, "chrf": sacrebleu.corpus_chrf}[name]
    expected = scorer(predictions, [[row[0] for row in answers], [answers[0][1], None]]).score / 100
    metric = build_metric(name)
    assert 0 < metric.corpus(predictions, answers) < 1
    assert metric.corpus(predictions, answers) == pytest.approx(expected)
    assert metric.score(predictions[0], [predictions[0]]) == pytest.approx(1.0)
    assert metric.score("", ["something"]) == 0.0


def test_an_unknown_metric_suggests_the_nearest() -> None:
    with pytest.raises(RegistryError, match="did you mean 'exact_match'"):
        build_metric("exact_mach")
