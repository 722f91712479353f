"""The charts of flow as Vega-Lite, by the rules of `specs`: stages by day, throughput, cycle times,
ageing.
"""

from assets.marts.charts.parts import (
    BLUE,
    GREEN,
    MARKS,
    PINK,
    RED,
    RISK_COLOURS,
    ROWS,
    STAGE_COLOURS,
    Spec,
    coloured,
    count,
    day,
    days_axis,
    on_hover,
)
from assets.marts.charts.words import RISKS


def flow() -> Spec:
    """`rows: day, stage, order, issues`, at the end of the day.

    The signal `floor` is where the axis begins: what was done long ago would press all other stages
    to the top.
    """
    return {
        "height": 240,
        "data": ROWS,
        "params": [{"name": "floor", "value": 0}],
        "mark": {"type": "area", "clip": True},
        "encoding": {
            "x": day("day"),
            "y": count("issues", stack="zero", scale={"domainMin": {"expr": "floor"}}),
            "color": {"field": "stage", "type": "nominal", **coloured(STAGE_COLOURS)},
            "order": {"field": "order", "type": "quantitative"},
            "tooltip": on_hover(
                ("day", "@day", "day"),
                ("stage", "@stage", "text"),
                ("issues", "@issues_axis", ",.0f"),
            ),
        },
    }


def flow_of_projects() -> Spec:
    """The flow of all (`rows`), and of some projects each (`marks: project, place, day, stage,
    order, issues`).
    """
    small = flow()
    del small["data"], small["params"]
    # Stacked here, so that each has a floor of its own, by the rule of the large one: a little
    # below what was done before its days.
    small |= {"height": 100, "width": 240}
    small["encoding"] = small["encoding"] | {
        "x": day("day", 3),
        "y": count("bottom", scale={"zero": False, "nice": False}),
        "y2": {"field": "top"},
    }
    stacked = [
        {
            "stack": "issues",
            "groupby": ["project", "day"],
            "sort": [{"field": "order"}],
            "as": ["under", "top"],
        },
        {"calculate": "datum.order == 0 ? datum.top : null", "as": "done"},
        {
            "joinaggregate": [
                {"op": "min", "field": "done", "as": "before"},
                {"op": "max", "field": "top", "as": "highest"},
            ],
            "groupby": ["project"],
        },
        {
            "calculate": "datum.before > 0.25 * datum.highest ? 1.15 * datum.before - "
            "0.15 * datum.highest : 0",
            "as": "floor",
        },
        {"calculate": "max(datum.under, datum.floor)", "as": "bottom"},
    ]
    facet = {
        "field": "project",
        "type": "nominal",
        "header": {"title": None, "labelLimit": 270},
        "sort": {"field": "place", "op": "min"},
    }
    each = {
        "data": MARKS,
        "transform": stacked,
        "facet": facet,
        "columns": 3,
        "spec": small,
        "resolve": {"scale": {"y": "independent"}, "axis": {"x": "independent"}},
    }
    whole = flow()
    whole["encoding"] = whole["encoding"] | {"x": day("day", 7)}
    return {"params": whole.pop("params"), "vconcat": [whole, each]}


def throughput() -> Spec:
    """`rows: week, created, done, reopened, below (reopened, as a negative number), mean`; `marks:
    week, over, text`.

    The signal `ceiling` is the top of the axis: an import of many issues would press all other
    weeks to the ground.
    """
    tip = on_hover(
        ("week", "@week", "day"),
        ("created", "@created", ",.0f"),
        ("done", "@done", ",.0f"),
        ("reopened", "@reopened", ",.0f"),
        ("mean", "@mean", ",.1f"),
    )
    x = day("week")
    top = {"domainMax": {"expr": "ceiling"}}
    names = {"@done": GREEN, "@created": RED, "@mean": "#7A869A", "@reopened": PINK}

    def layer(mark: Spec, field: str, word: str) -> Spec:
        colour = {"datum": word, **coloured(names)}
        return {
            "mark": {**mark, "clip": True},
            "encoding": {
                "x": x,
                "y": count(field, None, scale=top),
                "color": colour,
                "tooltip": tip,
            },
        }

    return {
        "height": 240,
        "data": ROWS,
        "params": [{"name": "ceiling", "value": 10}],
        "layer": [
            layer(
                {
                    "type": "bar",
                    "width": {"expr": "clamp(width / (data('rows').length + 1) - 1, 1, 26)"},
                },
                "done",
                "@done",
            ),
            layer(
                {
                    "type": "bar",
                    "width": {"expr": "clamp(width / (data('rows').length + 1) - 1, 1, 26)"},
                },
                "below",
                "@reopened",
            ),
            layer(
                {"type": "line", "point": {"size": 18}, "strokeWidth": 1.6}, "created", "@created"
            ),
            layer({"type": "line", "strokeWidth": 2.4, "strokeDash": [5, 3]}, "mean", "@mean"),
            {
                "data": MARKS,
                "mark": {"type": "text", "align": "right", "dx": -6, "y": 8, "fill": RED},
                "encoding": {"x": x, "text": {"field": "text"}},
            },
        ],
    }


def cycle() -> Spec:
    """`rows: at, days, key`, a dot for each done issue; `marks: days, text, side`, the
    percentiles.
    """
    y = days_axis("days")
    tip = on_hover(("key", "@issue", "text"), ("at", "@done", "day"), ("days", "@days", ",.1f"))
    return {
        "height": 260,
        "layer": [
            {
                "data": ROWS,
                "mark": {
                    "type": "point",
                    "filled": True,
                    "size": 26,
                    "opacity": 0.5,
                    "color": BLUE,
                },
                "encoding": {"x": day("at"), "y": y, "tooltip": tip},
            },
            {
                "data": MARKS,
                "mark": {"type": "rule", "color": RED, "strokeWidth": 1.4},
                "encoding": {"y": y},
            },
            # At the left, at the right and in the middle, so that none lies on the next one.
            *(
                {
                    "data": MARKS,
                    "transform": [{"filter": f"datum.side == {side}"}],
                    "mark": {"type": "text", "align": align, "dy": -6, "fontWeight": "bold"},
                    "encoding": {"y": y, "x": {"value": place}, "text": {"field": "text"}},
                }
                for side, align, place in (
                    (0, "left", 4),
                    (1, "right", "width"),
                    (2, "center", {"expr": "width / 2"}),
                )
            ),
        ],
    }


def ageing() -> Spec:
    """`rows: key, name (the key where it is written), status, order, days, risk, place (0 to 1, to
    keep dots apart)`.
    """
    x = {
        "field": "status",
        "type": "nominal",
        "sort": {"field": "order", "op": "min"},
        "axis": {
            "title": None,
            "labelAngle": 0,
            "labelLimit": {"expr": "max(60, width / 4)"},
            "grid": False,
            "labelOverlap": True,
        },
    }
    shapes = {"domain": list(RISK_COLOURS), "range": [shape for _, shape in RISKS.values()]}
    tip = on_hover(
        ("key", "@issue", "text"),
        ("status", "@status", "text"),
        ("person", "@person", "text"),
        ("days", "@days", ",.1f"),
        ("risk", "@risk", "text"),
    )
    offset = {"field": "place", "type": "quantitative", "scale": {"domain": [-0.6, 1.6]}}
    return {
        "height": 280,
        "data": ROWS,
        "encoding": {"x": x, "y": days_axis("days")},
        "layer": [
            {
                "mark": {"type": "point", "filled": True, "size": 55, "opacity": 0.8},
                "encoding": {
                    "xOffset": offset,
                    "color": {
                        "field": "risk",
                        "type": "nominal",
                        **coloured(RISK_COLOURS, "@risk"),
                    },
                    "shape": {"field": "risk", "type": "nominal", "scale": shapes},
                    "tooltip": tip,
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 7, "fontSize": 10},
                "encoding": {"xOffset": offset, "text": {"field": "name"}},
            },
        ],
    }
