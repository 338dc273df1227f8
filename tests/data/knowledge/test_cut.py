"""A passage holds whole sentences of one section, as many as fit, and knows where they stand."""

import pytest
from knowledge_sources import page, varied_pages

from glimmer.data.knowledge.cut import Cut, cut_page
from glimmer.data.knowledge.pages import Page
from glimmer.data.spans import Span


def cut(most: int, *paragraphs: str) -> list[Cut]:
    return list(cut_page(Page("1", "T", ["T\n", *paragraphs]), most))


def texts(most: int, *paragraphs: str) -> list[str]:
    return [c.text for c in cut(most, *paragraphs)]


def test_sentences_are_joined_as_long_as_they_fit() -> None:
    assert texts(6, "One two three. Four five. Six seven.\n") == ["One two three. Four five.", "Six seven."]
    assert texts(7, "One two three. Four five. Six seven.\n") == ["One two three. Four five. Six seven."]


def test_short_neighbours_of_a_section_are_joined_and_those_of_two_are_not() -> None:
    paragraphs = ("One two.\n", "Three  four.\n", "Section::::S.\n", "Five.\n", "Six.\n")
    assert texts(9, *paragraphs) == ["One two. Three four.", "Five. Six."]


def test_a_sentence_that_is_too_long_is_cut_after_so_many_words_and_what_is_left_is_joined() -> None:
    assert texts(3, "So it. Aa b c d e f gg. He is.") == ["So it.", "Aa b c", "d e f", "gg. He is."]


def test_title_sections_and_marks_are_no_text() -> None:
    made = cut(9, "Lead.\n", "Section::::Past.:Early years.\n", "BULLET::::- One.\n", "BULLET::::2. Two.\n")
    assert [(c.section, c.text) for c in made] == [("", "Lead."), ("Past: Early years", "One. Two.")]
    assert cut(9) == []
    assert cut(9, "\n", "Section::::S.\n") == []
    assert list(cut_page(Page("1", "T", []), 9)) == []


@pytest.mark.parametrize("most", [1, 4, 20, 100])
def test_places_hold_the_words_of_the_passage_and_every_word_is_in_one(most: int) -> None:
    for item in varied_pages(30):
        made = list(cut_page(Page("1", "T", item["text"]), most))
        words: list[str] = []
        for c in made:
            span = c.span
            inside = range(span.start_paragraph, span.end_paragraph + 1)
            starts = [span.start_character if n == span.start_paragraph else 0 for n in inside]
            stops = [span.end_character if n == span.end_paragraph else None for n in inside]
            places = [item["text"][n][a:b] for n, a, b in zip(inside, starts, stops, strict=True)]
            assert [w for p in places for w in p.replace("BULLET::::-", "").split()] == c.text.split()
            assert 1 <= len(c.text.split()) <= most
            assert not any(item["text"][n].startswith("Section::::") for n in inside)
            words += c.text.split()
        paragraphs = [p for p in item["text"][1:] if not p.startswith("Section::::")]
        assert words == [w for p in paragraphs for w in p.replace("BULLET::::-", "").split()]


def test_a_page_s_passages_are_in_its_order() -> None:
    made = cut(1, *page(1, "One. Two.\n", "Six.\n")["text"][1:])
    assert [c.span for c in made] == [Span(1, 0, 1, 4), Span(1, 5, 1, 9), Span(2, 0, 2, 4)]
