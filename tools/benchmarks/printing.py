"""How figures are printed: tables, and the straight lines through their columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def print_table(header: list[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under a header, each column as wide as its longest cell."""
    cells = [header, *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def markdown_table(header: list[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows under a header, as Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def print_lines(unit: str, sizes: list[int], columns: dict[str, list[float]]) -> None:
    """Print the straight line through each column; with fewer than three sizes it tells nothing."""
    for name, figures in columns.items() if len(sizes) > 2 else ():
        line = straight_line(sizes, figures)
        print(
            f"{name}: {line['intercept']:.3g} + {line['slope']:.3g} x {unit}, "
            f"R^2 {line['r_squared']:.4f}"
        )


def straight_line(x: Sequence[float], y: Sequence[float]) -> dict[str, float]:
    """The least-squares line, and how much of the spread of y it explains (R squared)."""
    slope, intercept = np.polyfit(x, y, 1)
    values = np.array(y)
    rest = values - (intercept + slope * np.array(x))
    return {
        "slope": float(slope),
        "intercept": float(intercept),
        "r_squared": 1 - float((rest**2).sum() / ((values - values.mean()) ** 2).sum()),
    }
