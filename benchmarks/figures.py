"""Figures: what was measured, in which unit, and the bound that it is held against."""

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
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


def show(measured: Iterable[Iterator[Figure]], *, as_json: bool) -> int:
    """Print the figures of all parts, each on standard error as soon as it is known; return the
    exit code.

    It is 1 when a part finds data that are not what they should be, and when a figure is over its
    bound.
    """
    figures: list[Figure] = []
    began = time.monotonic()
    try:
        for part in measured:
            for figure in part:
                figures.append(figure)
                print(
                    f"[{time.monotonic() - began:6.1f} s] {figure.group}: {figure.name}",
                    file=sys.stderr,
                )
    except AssertionError as error:  # UnequalError, or that of an example
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(
        json.dumps({"figures": [figure.as_json() for figure in figures]})
        if as_json
        else table(figures)
    )
    over = [figure for figure in figures if figure.verdict == "OVER"]
    for figure in over:
        print(
            f"Error: over its bound of {_number(figure.bound or 0)} {figure.unit}: "
            f"{figure.group}: {figure.name}",
            file=sys.stderr,
        )
    return int(bool(over))


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as lines for a terminal, group by group."""
    width = max(len(figure.name) for figure in figures)
    lines: list[str] = []
    group = None
    for figure in figures:
        if figure.group != group:
            group = figure.group
            lines += ["", group]
        bound = (
            "" if figure.bound is None else f"bound {_number(figure.bound):>8}  {figure.verdict}"
        )
        lines.append(
            (
                f"  {figure.name:<{width}}  {_number(figure.value):>10} {figure.unit:<10}  {bound}"
            ).rstrip()
        )
    return "\n".join(lines).lstrip("\n")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 1_000 else f"{value:,.2f}"
