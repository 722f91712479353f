"""The sheet that charts are drawn on: title, legend, axes and the SVG they become; places are in pixels from the upper left.

The SVG holds texts as texts, in the fonts of the reader. No font is looked for and none is needed: `_Renderer` measures texts by
estimate.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from html import escape
from io import StringIO
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from assets.marts.charts.words import DAY, FAINT, HOUR, INK, MINUTE, QUIET, clean, duration, fit, width

WIDTH = 880
LEFT, RIGHT = 64, 24
FONTS = "'Noto Sans CJK JP','Noto Sans JP','Hiragino Sans','Yu Gothic',Meiryo,sans-serif"
TITLE, TEXT, SMALL = 17.0, 12.0, 11.0
NO_DATA = "データなし / no data yet"

#: A patch (""), a line ("-", "--") or a mark (one of matplotlib's), its colour, and what it stands for.
Key = tuple[str, str, str]

_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "backlog-elt",  # the same frame gives the same bytes
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib; never seen, see FONTS
    "text.parse_math": False,
    "path.simplify": False,
    "axes.axisbelow": True,
    "axes.linewidth": 0.8,
    "axes.edgecolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": QUIET,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "text.color": INK,
}


class _Renderer(RendererSVG):
    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> tuple[float, float, float]:
        size = prop.get_size_in_points()
        return width(s, size), size, 0.22 * size


class Canvas:
    """One picture while it is drawn."""

    def __init__(self, title: str, subtitle: str, keys: Iterable[Key], height: int) -> None:
        """Draw the head of the picture; `top` is where it ends, `height` what is below it."""
        self._title = title
        places = list(_flow(keys))
        self.top = 54 + (22 * (places[-1][1] + 1) if places else 0) + 22
        self.height = self.top + height
        self._figure = Figure(figsize=(WIDTH / 72, self.height / 72), dpi=72, facecolor="white")
        self.text(LEFT - 40, 26, title, TITLE, weight="bold")
        self.text(LEFT - 40, 45, fit(subtitle, WIDTH - 48, SMALL), SMALL, colour=QUIET)
        for left, row, key in places:
            self._key(left, 67 + 22 * row, key)

    def text(
        self,
        left: float,
        base: float,
        text: str,
        size: float = TEXT,
        *,
        colour: str = INK,
        weight: str = "normal",
        ha: Any = "left",
    ) -> None:
        """Write a line; `base` is the line that its letters stand on."""
        self._figure.text(left / WIDTH, 1 - base / self.height, text, size=size, color=colour, weight=weight, ha=ha, va="baseline")

    def _key(self, left: float, base: float, key: Key) -> None:
        shape, colour, label = key
        x, y = (left + 6) / WIDTH, 1 - (base - 4) / self.height
        if shape == "":
            self._figure.add_artist(Rectangle((left / WIDTH, y - 6 / self.height), 12 / WIDTH, 12 / self.height, color=colour))
        elif shape in {"-", "--"}:
            self._figure.add_artist(
                Line2D(
                    [left / WIDTH, (left + 14) / WIDTH], [y, y], color=colour, linewidth=2, linestyle="--" if shape == "--" else "-"
                )
            )
        else:
            self._figure.add_artist(Line2D([x], [y], color=colour, marker=shape, markersize=8, linestyle=""))
        self.text(left + 19, base, label)

    def axes(self, left: float, top: float, wide: float, high: float, unit: str = "") -> Axes:
        """Return axes at a place below the head; `unit` is written above them, where it needs no turning of the head."""
        top += self.top
        made = self._figure.add_axes((left / WIDTH, 1 - (top + high) / self.height, wide / WIDTH, high / self.height))
        made.tick_params(length=3, width=0.8)
        made.grid(visible=True, axis="y", color=FAINT, linewidth=0.8)
        self.text(left, top - 8, unit, SMALL, colour=QUIET)
        return made

    def svg(self) -> str:
        """Return the picture."""
        return _render(self._figure, self._title, self.height)


def drawn(draw: Callable[[], Canvas]) -> str:
    """Return the picture that a function draws."""
    with mpl.rc_context(_STYLE):  # type: ignore[arg-type]  # its keys are a literal type of a thousand names
        return draw().svg()


def empty(title: str) -> str:
    """Return a picture that says that there is nothing to show."""

    def draw() -> Canvas:
        canvas = Canvas(title, "", (), 60)
        canvas.text(WIDTH / 2, canvas.height - 52, NO_DATA, TEXT, colour=QUIET, ha="center")
        return canvas

    return drawn(draw)


def _flow(keys: Iterable[Key]) -> Iterable[tuple[float, int, Key]]:
    """Yield where each key of a legend stands: from left to right, in as many rows as it takes."""
    left, row = float(LEFT - 40), 0
    for shape, colour, label in keys:
        text = fit(label, WIDTH - 80, TEXT)
        wide = 19 + width(text, TEXT) + 20
        if left + wide > WIDTH and left > LEFT - 40:
            left, row = float(LEFT - 40), row + 1
        yield left, row, (shape, colour, text)
        left += wide


# -- axes -------------------------------------------------------------------------------------------------------------------------


def days(values: "pd.Series[Any]") -> "pd.Series[float]":
    """Return dates or instants as days since the year 1, the numbers of a date axis."""
    return values.map(lambda value: value.toordinal() + (getattr(value, "hour", 0) + getattr(value, "minute", 0) / 60) / 24)


def date_axis(axes: Axes, first: float, last: float, most: int, *, months_only: bool = False) -> None:
    """Set a date axis from the first to the last day, with `most` ticks at most, at beginnings of months where there are enough."""
    low, high = (first, last) if last - first >= 1 else (first - 3, last + 3)
    axes.set_xlim(low, high)
    start, end = date.fromordinal(int(low)), date.fromordinal(int(high))
    months = [(year, month) for year in range(start.year, end.year + 1) for month in range(1, 13)]
    firsts = [day for year, month in months if low <= (day := date(year, month, 1).toordinal()) <= high]
    if len(firsts) >= 3 or months_only:
        step = next(step for step in (1, 2, 3, 6, 12, 24, 60, 120, 600) if len(firsts) / step <= most)
        ticks = [day for day in firsts if (date.fromordinal(day).year * 12 + date.fromordinal(day).month - 1) % step == 0]
        form = "%Y-%m"
    else:
        ticks = list(range(int(high), int(low) - 1, -max(1, int((high - low) / most) + 1)))
        form = "%m-%d"
    axes.xaxis.set_major_locator(FixedLocator([float(tick) for tick in ticks]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: date.fromordinal(int(value)).strftime(form)))


def count_axis(axes: Axes, highest: float, lowest: float = 0.0, most: int = 5) -> None:
    """Set a vertical axis of whole numbers from zero (or what is below it) to the highest."""
    top = max(highest, 1.0)
    axes.set_ylim(min(lowest, 0.0) * 1.08, top * 1.08)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=most, integer=True, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


_MARKS = (MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY, 90 * DAY, 365 * DAY, 1825 * DAY)


def duration_axis(axes: Axes, shortest: float, longest: float) -> None:
    """Set a vertical axis of seconds, logarithmic, with marks that people think in."""
    low, high = max(shortest, MINUTE) / 1.6, max(longest, MINUTE) * 1.6
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    marks = [mark for mark in _MARKS if low <= mark <= high]
    axes.yaxis.set_major_locator(FixedLocator([float(mark) for mark in marks]))
    axes.yaxis.set_minor_locator(FixedLocator([]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value).replace(".0", "")))


# -- marks ------------------------------------------------------------------------------------------------------------------------


def bars(axes: Axes, x: Sequence[float], low: Sequence[float], high: Sequence[float], wide: float, colour: str) -> None:
    """Draw upright bars as one shape, which is a tenth of the size of as many shapes; those of no height are left out."""
    corners = [
        vertex
        for at, a, b in zip(x, low, high, strict=True)
        if a != b
        for vertex in ((at - wide / 2, a), (at - wide / 2, b), (at + wide / 2, b), (at + wide / 2, a), (at, a))
    ]
    if corners:
        codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * (len(corners) // 5)
        axes.add_patch(PathPatch(Path(corners, codes), facecolor=colour, linewidth=0))


#: Dots of one layer do not shine through each other, those of several do.
_LAYERS = 6


def dots(axes: Axes, x: "np.ndarray[Any, Any]", y: "np.ndarray[Any, Any]", colour: str, size: float = 6.0) -> None:
    """Draw many dots in little space: each is a line of no length with round ends."""
    for layer in range(_LAYERS):
        across, up = x[layer::_LAYERS], y[layer::_LAYERS]
        gaps = np.full(len(across), np.nan)
        line = np.column_stack([across, across, gaps]).ravel(), np.column_stack([up, up, gaps]).ravel()
        axes.plot(*line, color=colour, alpha=0.5, linewidth=size, solid_capstyle="round")


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Return places in ascending order moved up so far that each is the gap above the one below it."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + gap) if moved else place)
    return moved


# -- from figure to SVG -----------------------------------------------------------------------------------------------------------

_NUMBER = re.compile(r"(?<![\w#.])-?\d+\.\d+")
_FAMILY = re.compile(r";? ?font-family: [^;\"]*")
_DOT = re.compile(r"M ([-\d.]+ [-\d.]+) \nL \1 \n")
_COMMAND = re.compile(r"\s*(?<=[\"\s])([MLCQz])\s+")
_MARKS_OF_A_LINE = re.compile(r'<g( [^>]*)>\n((?:<use [^>]*)( style="[^"]*")/>\n(?:<use [^>]*\3/>\n)+)</g>')
_BOILERPLATE = re.compile(r"<!--.*?-->|<metadata>.*?</metadata>|<style .*?</style>", re.DOTALL)
_NAMES = re.compile(
    r' id="(?:figure|axes|patch|text|line2d|xtick|ytick|matplotlib\.axis|PolyCollection|FillBetweenPolyCollection)_\d+"'
)


def _render(figure: Figure, title: str, height: int) -> str:
    buffer = StringIO()
    renderer: Any = _Renderer(WIDTH, height, buffer, image_dpi=72)  # type: ignore[no-untyped-call]  # matplotlib leaves it untyped
    figure.draw(renderer)
    renderer.finalize()
    body = buffer.getvalue()
    body = body[body.index(">", body.index("<svg")) + 1 :]
    body = _NAMES.sub("", _BOILERPLATE.sub("", body))
    body = re.sub(r"<[^>]+>", lambda tag: _slim(tag[0]), body)
    body = re.sub(r">\s*\n\s*<", ">\n<", body)
    body = _MARKS_OF_A_LINE.sub(lambda found: f"<g{found[1]}{found[3]}>\n{found[2].replace(found[3], '')}</g>", body)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" aria-label="{escape(clean(title))}" font-family="{FONTS}" '
        f'stroke-linejoin="round">'
    )
    return head + body.strip()


def _slim(tag: str) -> str:
    """Shorten a tag: tenths of a pixel are enough, and the fonts are named once for all."""
    rounded = _NUMBER.sub(lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), tag)
    return _FAMILY.sub("", _COMMAND.sub(r"\1", _DOT.sub(r"M\1h0 ", rounded)))
