"""Parts of specs: marks, axes, colours, transforms, and what is shown on hover."""

from typing import Any

Spec = dict[str, Any]

RED, BLUE, GREEN, PINK, GREY = "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#7A869A"
#: How many people, milestones or issues a chart shows at most.
SHOWN = 10


def chart(height: Any, *layers: Spec, transform: list[Spec] | None = None, **shared: Any) -> Spec:
    """Return a chart of `rows`: its layers, and the encoding that they share."""
    return {
        "height": height,
        "data": {"name": "rows"},
        "transform": transform or [],
        "encoding": shared,
        "layer": [*layers],
    }


def mark(
    kind: str, tip: str = "", *, of: str = "", look: Spec | None = None, **encoding: Any
) -> Spec:
    """Return a layer: a mark with its look, of the rows for which `of` holds; `tip` as in
    `tips`.
    """
    tooltip = {"tooltip": tips(tip)} if tip else {}
    only = {"transform": [{"filter": of}]} if of else {}
    return {**only, "mark": {"type": kind, **(look or {})}, "encoding": {**encoding, **tooltip}}


def tips(said: str) -> list[Spec]:
    """Return what is shown on hover: `field`, `field:format` or `field=word:format` each; the
    format is `day`, or one of numbers.
    """
    made = []
    for one in said.split():
        name, _, form = one.partition(":")
        field, _, word = name.partition("=")
        made.append({"field": field, "title": f"@{word or field}", **_form(form)})
    return made


def _form(form: str) -> Spec:
    if form == "day":
        unit = {"timeUnit": "utcyearmonthdate", "scale": {"type": "utc"}}
        return {"type": "temporal", "format": "%Y-%m-%d", **unit}
    return {"type": "quantitative", "format": form} if form else {"type": "nominal"}


def day(field: str, ticks: int | None = None) -> Spec:
    """A day on an axis, with as many ticks as its width has room for, or so many where it is one of
    several pictures.
    """
    many = ticks or {"expr": "max(2, width / 110)"}
    axis: Spec = {
        "format": "%Y-%m-%d",
        "tickCount": many,
        "labelOverlap": True,
        "labelSeparation": 8,
    }
    axis |= {"grid": False, "title": None}
    return {
        "field": field,
        "type": "temporal",
        "scale": {"type": "utc"},
        "axis": axis,
    }


def count(field: str, title: str | None = "@issues_axis", **more: Any) -> Spec:
    """Return a number on an axis."""
    axis = {"title": title, "tickMinStep": 1, "format": ",~r", "tickCount": 5}
    return {"field": field, "type": "quantitative", "axis": axis, "stack": None, **more}


def days_axis(field: str) -> Spec:
    """Return a number of days on a logarithmic axis, with marks that people think in."""
    values = [0.01, 0.1, 1, 3, 7, 14, 30, 90, 180, 365, 1000]
    axis = {"title": "@days_log_axis", "format": "~r", "labelOverlap": True, "values": values}
    scale = {"type": "log", "nice": False, "padding": 8, "domain": {"unionWith": [1, 7]}}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}


def names(field: str = "person") -> Spec:
    """Return names on an axis, in the order of `order`."""
    axis = {"title": None, "labelLimit": {"expr": "clamp(width / 3, 90, 240)"}}
    return {"field": field, "type": "nominal", "sort": first_of("order"), "axis": axis}


def first_of(field: str) -> Spec:
    """Return the order of another field."""
    return {"field": field, "op": "min"}


def coloured(field: str, colours: dict[str, str], title: str | None = None) -> Spec:
    """Return names with their colours."""
    scale = {"domain": list(colours), "range": list(colours.values())}
    return {"field": field, "type": "nominal", "scale": scale, "legend": {"title": title}}


def called(word: str, colours: dict[str, str]) -> Spec:
    """Return the colour and the entry in the legend of a whole layer."""
    made = coloured("", colours)
    return {"datum": word, "scale": made["scale"], "legend": made["legend"]}


def worked_out(**fields: str) -> list[Spec]:
    """Return the transforms that work fields out, one after the other."""
    return [{"calculate": how, "as": field} for field, how in fields.items()]


def added_up(field: str, *by: str) -> Spec:
    """Return the transform that makes one row of a group."""
    return {"aggregate": [{"op": "sum", "field": field, "as": field}], "groupby": list(by)}


def together(op: str, field: str, name: str, *by: str) -> Spec:
    """Return the transform that gives each row a number of all rows, or of its group."""
    return {"joinaggregate": [{"op": op, "field": field, "as": name}], "groupby": list(by)}


def ranked(field: str, number: str, most: int | None = SHOWN) -> list[Spec]:
    """Return the transforms that give each row the `order` of its name by the sum of a number, the
    largest first, and keep so many names.
    """
    sort = [{"field": "total", "order": "descending"}, {"field": field}]
    order = {"window": [{"op": "dense_rank", "as": "order"}], "sort": sort}
    kept = [] if most is None else [{"filter": f"datum.order <= {most}"}]
    return [together("sum", number, "total", field), order, *kept]


def folded(words: dict[str, str]) -> list[Spec]:
    """Return the transforms that make a row of each of these fields: `kind` is its word, `value`
    what it has.
    """
    said = ", ".join(f"{field}: '{word}'" for field, word in words.items())
    return [
        {"fold": list(words), "as": ["field", "value"]},
        {"filter": "isValid(datum.value)"},
        *worked_out(kind=f"{{{said}}}[datum.field]"),
    ]


def small(spec: Spec, field: str, wide: int, high: int, at: str = "place") -> Spec:
    """Return a small picture of a chart for each name in a field."""
    one = {**spec, "width": wide, "height": high}
    data, transform = one.pop("data"), one.pop("transform")
    header = {"title": None, "labelLimit": 270}
    facet = {"field": field, "type": "nominal", "header": header, "sort": first_of(at)}
    apart = {"scale": {"x": "independent", "y": "independent"}}
    made = {"data": data, "transform": transform, "facet": facet, "columns": 3, "spec": one}
    return {**made, "resolve": apart}
