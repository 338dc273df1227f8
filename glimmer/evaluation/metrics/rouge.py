"""ROUGE-L with the exact arithmetic of the ``rouge`` package (1.0.1), which KILT uses.

Its peculiarities are part of the published numbers: full stops end sentences, words are counted once (as a set), the
texts are not normalised, and a small constant in the F-measure makes a perfect match 0.999999995.
"""

from collections.abc import Sequence

from glimmer.evaluation.metrics.base import Metric, register_metric


@register_metric("rouge_l")
class RougeL(Metric):
    """ROUGE-L F-measure at summary level: words on longest common subsequences of sentence pairs."""

    def score(self, prediction: str, answers: Sequence[str]) -> float:
        """The best ROUGE-L over the answers; a perfect match scores 0.999999995."""
        return max((rouge_l(prediction, answer) for answer in answers), default=0.0)


def rouge_l(prediction: str, answer: str) -> float:
    """ROUGE-L F-measure of two texts; 0 where either has no sentence. Time and space O(words · words)."""
    found, valid = _sentences(prediction), _sentences(answer)
    if not found or not valid:
        return 0.0
    common = {word for v in valid for f in found for word in _common_words(v, f)}
    recall = len(common) / len({word for sentence in valid for word in sentence})
    precision = len(common) / len({word for sentence in found for word in sentence})
    return 2.0 * ((precision * recall) / (precision + recall + 1e-8))


def _sentences(text: str) -> list[list[str]]:
    """The words of every sentence; a sentence of blanks alone is one empty word."""
    return [" ".join(part.split()).split(" ") for part in text.split(".") if part]


def _common_words(x: list[str], y: list[str]) -> set[str]:
    """The words of a longest common subsequence; of several, the one traced from the end, moving in ``y`` on ties.

    Words of one text alone cost next to nothing: in ``y`` the trace passes over them, and in ``x`` their row of the
    table is the one above. (Leaving them out of ``x`` too would break ties otherwise.)
    """
    known = set(x)
    y = [word for word in y if word in known]
    shared = set(y)
    table = [[0] * (len(y) + 1)]
    for word in x:
        if word not in shared:
            table.append(table[-1])
            continue
        above, row = table[-1], [0]
        for j, other in enumerate(y):
            row.append(above[j] + 1 if word == other else max(above[j + 1], row[j]))
        table.append(row)
    words, i, j = set(), len(x), len(y)
    while i and j:
        if x[i - 1] == y[j - 1]:
            words.add(x[i - 1])
            i, j = i - 1, j - 1
        elif table[i - 1][j] > table[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return words
