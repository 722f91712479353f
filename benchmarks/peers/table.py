"""The turns of a contest as a table in Markdown, with medians and spread, and as a chart for the
README.
"""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from assets.marts.charts.draw import FONTS
from benchmarks.peers.contest import CHANGED, FIRST, QUIET, STEPS, Measured, Turn
from benchmarks.peers.contestants import ABSENT, CONTESTANTS, Contestant

COLUMNS = ("", "seconds", "CPU s", "PostgreSQL CPU s", "peak MB", "requests", "MB read")
WRONG = {"missed": "missed", "stale": "stale", "not_deleted": "deleted, shown as alive"}
_INK, _QUIET, _GRID = "#22272E", "#5B6470", "#E3E6EA"
_COLOURS = {"backlog-elt": "#1F7A5C", "other tools": "#8C96A3", "floors": "#D5DAE0"}


def document(turns: Sequence[Turn], machine: str) -> str:
    """Return all tables of a run: what it cost for each work and step, what was wrong in the end,
    the versions and settings.
    """
    failures = {turn.contestant: turn.failure for turn in turns if turn.failure}
    turns = [turn for turn in turns if turn.contestant not in failures]
    parts = [f"{machine}, PostgreSQL {turns[0].server.split(' ')[0]}."]
    for work in dict.fromkeys(turn.work for turn in turns):
        mine = [turn for turn in turns if turn.work == work]
        rounds = len({turn.round for turn in mine})
        parts.append(
            f"### {work[0].upper()}{work[1:]}\n\n"
            f"Medians of {rounds} rounds, in brackets the least and the most."
        )
        parts += [
            f"**{step[0].upper()}{step[1:]}**\n\n{_markdown(COLUMNS, _costs(mine, step))}"
            for step in STEPS
        ]
        if any(turn.truth for turn in mine):
            parts.append(
                f"**Wrong rows after the day, of {_sizes(mine)}**\n\n{_markdown(*_wrongs(mine))}"
            )
    parts.append(
        "### Versions and settings\n\n"
        + _markdown(("way", "versions", "settings"), _settings(turns, failures))
    )
    return "\n\n".join(parts) + "\n"


def _present(turns: Iterable[Turn]) -> list[Contestant]:
    names = {turn.contestant for turn in turns}
    return [one for one in CONTESTANTS if one.name in names]


def _costs(turns: Sequence[Turn], step: str) -> list[list[str]]:
    rows = []
    for one in _present(turns):
        found = [turn.steps[step] for turn in turns if turn.contestant == one.name]
        rows.append([one.title, *(_cell(found, value) for value in _VALUES)])
    return rows


_VALUES: tuple[Callable[[Measured], float], ...] = (
    lambda one: one.seconds,
    lambda one: one.cpu,
    lambda one: one.server_cpu,
    lambda one: one.peak_mb,
    lambda one: one.requests,
    lambda one: one.megabytes,
)


def _cell(found: Sequence[Measured], value: Callable[[Measured], float]) -> str:
    values = sorted(value(one) for one in found)
    median, least, most = number(statistics.median(values)), number(values[0]), number(values[-1])
    return median if least == most else f"{median} ({least}-{most})"


def _sizes(turns: Sequence[Turn]) -> str:
    truth = next(turn.truth for turn in turns if turn.truth)
    return " and ".join(f"{found['source']:,} {table}" for table, found in truth.items())


def _wrongs(turns: Sequence[Turn]) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of what was wrong in the end: the worst round of each."""
    tables = list(next(turn.truth for turn in turns if turn.truth))
    rows = []
    for one in _present(turns):
        if one.queries:
            found = [turn.truth for turn in turns if turn.contestant == one.name]
            rows.append(
                [
                    one.title,
                    *(
                        f"{max(truth[table][kind] for truth in found):,}"
                        for table in tables
                        for kind in WRONG
                    ),
                ]
            )
    return ["", *(f"{table} {title}" for table in tables for title in WRONG.values())], rows


def _settings(turns: Sequence[Turn], failures: Mapping[str, str]) -> list[list[str]]:
    present = [[one.title, one.versions, one.settings] for one in _present(turns)]
    present += [
        [one.title, one.versions, f"failed: {failures[one.name]}"]
        for one in CONTESTANTS
        if one.name in failures
    ]
    return present + [[name, "", f"could not be run: {why}"] for name, why in ABSENT.items()]


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def number(value: float) -> str:
    """Write a number so that its last digit means something."""
    return (
        f"{value:,.0f}"
        if value >= 100 or value == int(value)
        else f"{value:.1f}"
        if value >= 10
        else f"{value:.2f}"
    )


def chart(turns: Sequence[Turn]) -> str:
    """Return the picture as an SVG: seconds of three syncs and wrong rows after the day, for each
    work.
    """
    import vl_convert  # starts a JavaScript engine

    failed = {turn.contestant for turn in turns if turn.failure}
    turns = [turn for turn in turns if turn.contestant not in failed]
    values = _bars(turns)
    order = [one.title for one in _present(turns)]
    bars = {
        "mark": {"type": "bar", "height": 11},
        "encoding": {
            "x": {
                "field": "value",
                "type": "quantitative",
                "title": None,
                "axis": {"tickCount": 3},
            },
            "y": {
                "field": "way",
                "sort": order,
                "title": None,
                "axis": {"domain": False, "ticks": False},
            },
            "color": {
                "field": "kind",
                "scale": {"domain": list(_COLOURS), "range": list(_COLOURS.values())},
                "title": None,
            },
        },
    }
    label = {"mark": {"type": "text", "align": "left", "dx": 3, "fontSize": 10, "color": _INK}}
    label["encoding"] = {name: bars["encoding"][name] for name in ("x", "y")} | {
        "text": {"field": "label"}
    }
    spec: dict[str, Any] = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": values},
        "facet": {
            "row": {
                "field": "work",
                "title": None,
                "sort": list(dict.fromkeys(turn.work for turn in turns)),
                "header": {
                    "labelExpr": "split(datum.label, ', ')"
                },  # two lines: a row is not that high
            },
            "column": {"field": "figure", "title": None, "sort": list(_FIGURES)},
        },
        "spec": {"layer": [bars, label], "width": 150, "height": {"step": 18}},
        "resolve": {"scale": {"x": "independent"}},
        "config": {
            "font": FONTS,
            "background": "white",
            "padding": 14,
            "view": {"stroke": None},
            "axis": {
                "labelColor": _QUIET,
                "gridColor": _GRID,
                "labelLimit": 220,
                "labelFontSize": 11,
            },
            "header": {"labelColor": _INK, "labelFontSize": 12, "labelFontWeight": "bold"},
            "legend": {"orient": "top", "labelColor": _INK, "labelFontSize": 12},
        },
    }
    return str(vl_convert.vegalite_to_svg(spec))


_FIGURES = (
    "first load, seconds",
    "nothing new, seconds",
    "1 % changed, seconds",
    "wrong rows after a day",
)


def _bars(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    bars = []
    for work in dict.fromkeys(turn.work for turn in turns):
        for one in _present(turns):
            mine = [turn for turn in turns if (turn.work, turn.contestant) == (work, one.name)]
            kind = (
                "backlog-elt"
                if one.name == "ours"
                else "floors"
                if one.title.startswith("floor")
                else "other tools"
            )
            for figure, step in zip(_FIGURES, (FIRST, QUIET, CHANGED), strict=False):
                value = statistics.median(turn.steps[step].seconds for turn in mine)
                bars.append(
                    {
                        "work": work,
                        "way": one.title,
                        "kind": kind,
                        "figure": figure,
                        "value": value,
                        "label": number(value),
                    }
                )
            if one.queries:
                wrong = max(
                    sum(found[kind] for found in turn.truth.values() for kind in WRONG)
                    for turn in mine
                )
                bars.append(
                    {
                        "work": work,
                        "way": one.title,
                        "kind": kind,
                        "figure": _FIGURES[3],
                        "value": wrong,
                        "label": f"{wrong:,}",
                    }
                )
    return bars
