"""Figures: what was measured, in which unit, and the bound that it is held against.

Add here: another way to show figures. Keep out: how anything is measured.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


class UnequalError(AssertionError):
    """What arrived in the warehouse is not what the source has; no figure counts then."""


def expect_equal(what: str, found: object, expected: object) -> None:
    """Raise UnequalError when the data are not what they should be."""
    if found != expected:
        raise UnequalError(f"{what}: found {found}, expected {expected}")


@dataclass(frozen=True)
class Figure:
    """One measured number; `bound` is the most it should be, None where there is no promise."""

    group: str
    name: str
    value: float
    unit: str
    bound: float | None = None

    @property
    def verdict(self) -> str:
        """Say whether the bound holds; empty without one."""
        if self.bound is None:
            return ""
        return "within" if self.value <= self.bound else "OVER"

    def as_json(self) -> dict[str, Any]:
        """Return the figure as an object of `--json`."""
        return {**asdict(self), "within": None if self.bound is None else self.value <= self.bound}


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as lines for a terminal, group by group."""
    width = max(len(figure.name) for figure in figures)
    lines: list[str] = []
    group = None
    for figure in figures:
        if figure.group != group:
            group = figure.group
            lines += ["", group]
        bound = "" if figure.bound is None else f"bound {_number(figure.bound):>8}  {figure.verdict}"
        lines.append(f"  {figure.name:<{width}}  {_number(figure.value):>10} {figure.unit:<10}  {bound}".rstrip())
    return "\n".join(lines).lstrip("\n")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 1_000 else f"{value:,.2f}"
