"""The charts as Vega-Lite, those of flow in `flow_specs`: what is drawn of which rows.

The page and the pictures in Dagster are made from the same specs. Rows are given by name (`rows`,
and `marks` for lines that are drawn over them). Days are milliseconds since 1970 in UTC, so that no
zone moves them. What people read is `@name`, see `words`.
"""

from collections.abc import Callable

from assets.marts.charts.flow_specs import ageing, cycle, flow, throughput
from assets.marts.charts.parts import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    ROWS,
    Spec,
    coloured,
    count,
    day,
    on_hover,
)
from assets.marts.charts.words import SERIES

#: Hours of a working week: a darker field in the chart of the load is more than that.
FULL_WEEK = 40


def burn(ticks: int | None = None) -> Spec:
    """`rows: day, scope, done, due`, of one milestone; `due` is in its last row."""
    x = day("day", ticks)
    tip = on_hover(("day", "@day", "day"), ("scope", "@scope", ",.0f"), ("done", "@done", ",.0f"))
    names = {"@done": GREEN, "@scope": "#7A869A", "@due": RED}
    colours = coloured(names)
    return {
        "height": 130,
        "data": ROWS,
        "layer": [
            {
                "mark": {"type": "area", "interpolate": "step-after", "opacity": 0.85},
                "encoding": {
                    "x": x,
                    "y": count("done", stack=None),
                    "color": {"datum": "@done", **colours},
                    "tooltip": tip,
                },
            },
            {
                "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2.2},
                "encoding": {
                    "x": x,
                    "y": count("scope"),
                    "color": {"datum": "@scope", **colours},
                    "tooltip": tip,
                },
            },
            {
                "transform": [{"filter": "isValid(datum.due)"}],
                "mark": {"type": "rule", "strokeDash": [6, 4], "strokeWidth": 1.8},
                "encoding": {
                    "x": day("due", ticks),
                    "color": {"datum": "@due", **colours},
                    "tooltip": on_hover(("due", "@due", "day")),
                },
            },
        ],
    }


def burns() -> Spec:
    """`rows: milestone, place, day, scope, done, due`: a small picture for each milestone; `due` is
    in its last row.
    """
    one = burn(3)
    del one["data"]
    one |= {"width": 236}
    facet = {
        "field": "milestone",
        "type": "nominal",
        "header": {"title": None, "labelLimit": 270},
        "sort": {"field": "place", "op": "min"},
    }
    return {
        "data": ROWS,
        "facet": facet,
        "columns": 3,
        "spec": one,
        "resolve": {"scale": {"x": "independent", "y": "independent"}},
    }


#: Months as they are written; what would touch its neighbour is left out.
_MONTHS: Spec = {
    "field": "month",
    "type": "ordinal",
    "axis": {"title": None, "labelAngle": 0, "labelOverlap": True, "labelSeparation": 6},
}


def hours() -> Spec:
    """`rows: month, person, order, hours`: what was taken back is below zero."""
    return {
        "height": 240,
        "data": ROWS,
        "mark": {"type": "bar"},
        "encoding": {
            "x": _MONTHS,
            "y": count("hours", "@hours_axis"),
            "color": {
                "field": "person",
                "type": "nominal",
                "sort": {"field": "order", "op": "min"},
                "scale": {"range": list(SERIES)},
                "legend": {
                    "title": None,
                    "labelLimit": 240,
                    "columns": {"expr": "max(1, floor(width / 230))"},
                },
            },
            "order": {"field": "order", "type": "quantitative"},
            "tooltip": on_hover(
                ("month", "@month", "text"),
                ("person", "@person", "text"),
                ("hours", "@hours", ",.1f"),
            ),
        },
    }


def plan() -> Spec:
    """`rows: month, kind (planned or actual), hours`."""
    return {
        "height": 190,
        "data": ROWS,
        "mark": {"type": "bar"},
        "encoding": {
            "x": _MONTHS,
            "xOffset": {"field": "kind", "type": "nominal", "sort": ["@planned", "@actual"]},
            "y": count("hours", None),
            "color": {
                "field": "kind",
                "type": "nominal",
                **coloured({"@planned": "#9AA5B1", "@actual": BLUE}),
            },
            "tooltip": on_hover(
                ("month", "@month", "text"), ("kind", "@kind", "text"), ("hours", "@hours", ",.1f")
            ),
        },
    }


def _people(field: str = "person") -> Spec:
    return {
        "field": field,
        "type": "nominal",
        "sort": {"field": "order", "op": "min"},
        "axis": {"title": None, "labelLimit": 170},
    }


def overdue() -> Spec:
    """`rows: person, order, late (how long), place, issues`."""
    names = {"@late_week": "#F0C75E", "@late_month": "#E69F00", "@late_long": RED}
    return {
        "height": {"step": 20},
        "data": ROWS,
        "mark": {"type": "bar", "height": {"band": 0.8}},
        "encoding": {
            "y": _people(),
            "x": count("issues"),
            "color": {"field": "late", "type": "nominal", **coloured(names)},
            "order": {"field": "place", "type": "quantitative"},
            "tooltip": on_hover(
                ("person", "@person", "text"),
                ("late", "@late", "text"),
                ("issues", "@issues_axis", ",.0f"),
            ),
        },
    }


def load() -> Spec:
    """`rows: person, order, week, place, hours`: a field for each person and week, the darker the
    more of a full week it takes.
    """
    return {
        "height": {"step": 20},
        "data": ROWS,
        "encoding": {
            "y": _people(),
            "x": {
                "field": "week",
                "type": "nominal",
                "sort": {"field": "place", "op": "min"},
                "axis": {
                    "title": None,
                    "orient": "top",
                    "labelOverlap": False,
                    "labelAngle": 0,
                    # Where a column is narrow, words stand in two lines. There is room for the
                    # second at any width: the top of a picture does not follow when its width
                    # changes.
                    "labelPadding": 14,
                    "labelExpr": "width > 480 ? datum.label : test(/[^ -~]/, datum.label) "
                    "? [substring(datum.label, 0, 2), substring(datum.label, 2)] "
                    ": split(datum.label, ' ')",
                },
            },
            "tooltip": on_hover(
                ("person", "@person", "text"),
                ("week", "@week", "text"),
                ("hours", "@hours", ",.1f"),
            ),
        },
        "layer": [
            {
                "mark": {
                    "type": "rect",
                    "cornerRadius": 3,
                    "height": {"band": 0.9},
                    "width": {"band": 0.95},
                },
                "encoding": {
                    "color": {
                        "field": "hours",
                        "type": "quantitative",
                        "legend": None,
                        "scale": {
                            "domain": [0, FULL_WEEK / 2, FULL_WEEK, 1.5 * FULL_WEEK],
                            "range": ["#EAF2F8", "#9CC9E3", "#F0B64A", "#F08A4B"],
                            "interpolate": "rgb",
                            "clamp": True,
                        },
                    }
                },
            },
            {
                "mark": {"type": "text", "fontSize": 11, "fill": "#16202B"},
                "encoding": {"text": {"field": "hours", "type": "quantitative", "format": ",.0f"}},
            },
        ],
    }


def milestones() -> Spec:
    """`rows: milestone, order, today, half, end, cut, due, half_on, ends, due_on, state`: from
    today to the day by which the work is done with 50 %, paler to that with 85 %, and the due date.

    `cut` is written where the bar ends at the edge and the work does not; `half_on`, `ends` and
    `due_on` are the real days, in words.
    """
    names = {
        "@in_time": GREEN, "@at_risk": ORANGE, "@too_late": RED, "@no_due": "#9AA5B1",
        "@no_forecast": "#C9D1DA",
    }  # fmt: skip
    colour = {"field": "state", "type": "nominal", **coloured(names)}
    y = _people("milestone")
    y["axis"] = {"title": None, "labelLimit": {"expr": "max(90, width / 2.5)"}}
    return {
        "height": {"step": 24},
        "data": ROWS,
        "encoding": {
            "y": y,
            "tooltip": on_hover(
                ("milestone", "@milestone", "text"),
                ("half_on", "@half", "text"),
                ("ends", "@end", "text"),
                ("due_on", "@due", "text"),
                ("state", "@kind", "text"),
            ),
        },
        "layer": [
            {
                "mark": {"type": "bar", "height": {"band": 0.55}, "opacity": opacity},
                "encoding": {"x": day(begins), "x2": {"field": ends}, "color": colour},
            }
            for begins, ends, opacity in (("today", "half", 1), ("half", "end", 0.45))
        ]
        + [
            {
                "transform": [{"filter": "isValid(datum.due)"}],
                "mark": {
                    "type": "tick",
                    "thickness": 3,
                    "color": "#7A869A",
                    "height": {"band": 0.9},
                },
                "encoding": {"x": day("due")},
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 4, "fontWeight": "bold"},
                "encoding": {"x": day("end"), "text": {"field": "cut"}},
            },
        ],
    }


#: What the page draws, by name.
PAGE: dict[str, Callable[[], Spec]] = {
    "overdue": overdue, "ageing": ageing, "load": load, "milestones": milestones, "burn": burn,
    "plan": plan, "flow": flow, "throughput": throughput, "cycle": cycle, "hours": hours,
}  # fmt: skip
