"""Sequences whose items are made when they are asked for."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar, overload

T = TypeVar("T")


class LazySequence(Sequence[T]):
    """A sequence that says how one item is made; its slices make theirs no sooner."""

    @abstractmethod
    def make(self, row: int) -> T:
        """The item of ``row``, from 0."""

    @overload
    def __getitem__(self, row: int) -> T: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[T]: ...

    def __getitem__(self, row: int | slice) -> T | Sequence[T]:
        """An item, or a ``Selection``.

        Raises:
            IndexError: there is no such row.
        """
        rows = range(len(self))[row]
        return self.make(rows) if isinstance(rows, int) else Selection(self, rows)


class Selection(LazySequence[T]):
    """Some rows of a sequence, in the order given."""

    def __init__(self, items: Sequence[T], rows: Sequence[int]) -> None:
        self._items, self._rows = items, rows

    def __len__(self) -> int:
        return len(self._rows)

    def make(self, row: int) -> T:
        """The item that is ``row`` of the selection."""
        return self._items[self._rows[row]]
