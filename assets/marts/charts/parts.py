"""Parts of specs: axes, colours, and what is shown on hover."""

from typing import Any

from assets.marts.charts.words import RISKS, STAGES

Spec = dict[str, Any]

RED, BLUE, GREEN, PINK, ORANGE = "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00"
ROWS, MARKS = {"name": "rows"}, {"name": "marks"}


def day(field: str, ticks: int | None = None) -> Spec:
    """A day on an axis, with as many ticks as its width has room for, or so many where it is one of
    several pictures.
    """
    count = ticks or {"expr": "max(2, width / 110)"}
    axis = {
        "format": "%Y-%m-%d",
        "tickCount": count,
        "labelOverlap": True,
        "grid": False,
        "title": None,
    }
    return {"field": field, "type": "temporal", "scale": {"type": "utc"}, "axis": axis}


def count(field: str, title: str | None = "@issues_axis", **more: Any) -> Spec:
    """Return a number on an axis."""
    axis = {"title": title, "tickMinStep": 1, "format": ",~r", "tickCount": 5}
    return {"field": field, "type": "quantitative", "axis": axis, **more}


def on_hover(*fields: tuple[str, str, str]) -> list[Spec]:
    """Return what is shown on hover: field, title, and its format (`day`, `text`, or one of
    numbers).
    """
    made = []
    for field, title, form in fields:
        if form == "day":
            made.append(
                {
                    "field": field,
                    "title": title,
                    "type": "temporal",
                    "format": "%Y-%m-%d",
                    "scale": {"type": "utc"},
                    "timeUnit": "utcyearmonthdate",
                }
            )
        elif form == "text":
            made.append({"field": field, "title": title, "type": "nominal"})
        else:
            made.append({"field": field, "title": title, "type": "quantitative", "format": form})
    return made


def coloured(names: dict[str, str], title: str | None = None) -> Spec:
    """Return the scale and the legend of names with their colours."""
    return {
        "scale": {"domain": list(names), "range": list(names.values())},
        "legend": {"title": title},
    }


STAGE_COLOURS = {f"@stage_{stage}": colour for stage, colour in STAGES.items()}
RISK_COLOURS = {f"@risk_{risk}": colour for risk, (colour, _) in RISKS.items()}


def days_axis(field: str) -> Spec:
    """Return a number of days on a logarithmic axis, with marks that people think in."""
    axis = {
        "title": "@days_log_axis",
        "format": "~r",
        "labelOverlap": True,
        "values": [0.01, 0.1, 1, 3, 7, 14, 30, 90, 180, 365, 1000],
    }
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"type": "log", "nice": False, "padding": 8, "domain": {"unionWith": [1, 7]}},
        "axis": axis,
    }
