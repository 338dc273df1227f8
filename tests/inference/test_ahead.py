"""Running ahead changes when items are made, never which, and errors come out where the item would have."""

from collections.abc import Iterator

import pytest
from threads import threads_named

from glimmer.inference.ahead import ahead


def test_items_come_in_order_and_no_more_are_made_than_allowed() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            made.append(item)
            yield item

    with ahead(items(), most=4) as found:
        for expected, item in enumerate(found):
            assert item == expected
            assert len(made) <= expected + 1 + 4 + 2
    assert made == list(range(100))


def test_an_error_is_raised_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("the second is broken")

    with ahead(items()) as stream:
        assert next(stream) == 1
        with pytest.raises(ValueError, match="the second is broken"):
            next(stream)


def test_whoever_stops_reading_stops_the_maker() -> None:
    with ahead(iter(range(10**9)), most=2) as stream:
        assert next(stream) == 0
        assert threads_named("ahead") == 1
    assert threads_named("ahead") == 0
