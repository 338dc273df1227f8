"""What a long encoding shows: passages and tokens a second, bytes and time left."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from tqdm import tqdm


class Progress:
    """Context manager that counts encoded passages, and shows them when asked to."""

    def __init__(self, total: int | None, shown: bool) -> None:
        """``total`` passages are expected, where that is known."""
        self.passages = self.tokens = self.bytes = 0
        """What was encoded, without what was there already."""
        self._start = time.monotonic()
        self._bar = tqdm(total=total, unit="passage", desc="encode", disable=not shown, smoothing=0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    @contextmanager
    def learning(self) -> Iterator[None]:
        """Show that a codec learns meanwhile; the time counts for no rate."""
        self._bar.set_description_str("learn the codec")
        yield
        self._start = time.monotonic()
        self._bar.unpause()
        self._bar.set_description_str("encode")

    @property
    def tokens_per_second(self) -> float:
        """Since the beginning, or since the codec has learned."""
        return self.tokens / max(time.monotonic() - self._start, 1e-9)

    def done(self, tokens: int, size: int) -> None:
        """Count a passage of so many tokens that takes so many bytes."""
        self.passages, self.tokens, self.bytes = self.passages + 1, self.tokens + tokens, self.bytes + size
        rate = f"{self.tokens_per_second:,.0f} tokens/s, {self.bytes / 1e9:.2f} GB"
        self._bar.set_postfix_str(rate, refresh=False)
        self._bar.update()

    def skip(self, passages: int) -> None:
        """Leave out passages that were encoded before or are another's; they do not count for the time left."""
        if self._bar.disable:
            return
        self._bar.initial += passages  # what the rate does not count
        self._bar.update(passages)
