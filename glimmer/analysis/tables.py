"""Tables that read well in a terminal and as Markdown."""

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An aligned pipe table; the first column is text, all others are right-aligned numbers."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    rule = "|".join(["", "-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:]), ""])
    lines = [_line(header, widths), rule, *(_line(row, widths) for row in rows)]
    return "\n".join(lines)


def quantity(number: float) -> str:
    """A count in three significant digits with its SI prefix: 12.3 M."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= factor:
            return f"{number / factor:.3g} {prefix}" if number / factor < 999.5 else f"{number / factor:.0f} {prefix}"
    return f"{number:.3g}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    return " ".join(["|", first[0].ljust(first[1]), *(f"| {cell.rjust(width)}" for cell, width in rest), "|"])
