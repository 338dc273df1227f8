"""Sentences end where a reader of English says so; in doubt they do not."""

import pytest

from glimmer.data.knowledge.sentences import sentences


@pytest.mark.parametrize(
    "wanted",
    [
        ["It is so.", "He left!", "Why?", "No one knows…", "The end"],
        ["Dr. J. R. Smith met Mrs. Jones at St. Mary's.", "They left."],
        ["He lived in the U.S. Army barracks."],
        ["He lived in the U.S.", "The barracks stood."],
        ["Apple Inc. CEO Tim Cook spoke.", "He sat."],
        ["It was sold to Apple Inc.", "The price rose."],
        ["See No. 5 and Fig. 3, e.g. Paris, vs. Rome.", "Then go."],
        ["It cost 3.5 million.", "5 men paid."],
        ["“It is so.”", "(He left.)", '"Why?" he said.'],
        ["He was born on Jan. 5, 1900.", "Life went on."],
        ["Malcolm X.", "He spoke."],
        ["no capital. follows here."],
        ["Élan vital.", "Élan again."],
    ],
)
def test_sentences_end_where_they_should(wanted: list[str]) -> None:
    text = "  " + " \n".join(wanted) + "\n"
    assert [text[start:end] for start, end in sentences(text)] == wanted


@pytest.mark.parametrize("text", ["", " \n", "Word", "...", "A. B. C. ", "? ! Yes. ", " (a) \t b."])
def test_nothing_but_white_space_is_left_out(text: str) -> None:
    spans = list(sentences(text))
    kept = {i for start, end in spans for i in range(start, end)}
    assert all(i in kept or c.isspace() for i, c in enumerate(text))
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)
    assert [*sum(spans, ())] == sorted(sum(spans, ()))
