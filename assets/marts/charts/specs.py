"""The charts as Vega-Lite: what is drawn of which rows.

The page and the pictures in Dagster are made from the same specs. What can be worked out from the
rows is worked out here, by transforms of the grammar: who comes first, means, where an axis ends.
Days are milliseconds since 1970 in UTC, so that no zone moves them. What people read is `@name`,
see `words`. On the page a row may have a `choice`, which a click on its mark makes, and an `href`.
"""

from collections.abc import Callable
from typing import Any

from assets.marts.charts.parts import (
    BLUE,
    GREEN,
    GREY,
    PINK,
    RED,
    SHOWN,
    Spec,
    added_up,
    called,
    chart,
    coloured,
    count,
    day,
    days_axis,
    first_of,
    folded,
    mark,
    names,
    ranked,
    small,
    together,
    worked_out,
)
from assets.marts.charts.words import RISKS, SERIES, STAGES

# A mark is a line or two: the formatter would make a screen of it.
# fmt: off

#: Hours of a working week, for a person whose capacity is not known.
FULL_WEEK = 40
#: What lies further ahead or back than so many days would press bars together.
REACH = 120 * 86_400_000
STEP = {"interpolate": "step-after"}


def overdue() -> Spec:
    """`rows: person, days_overdue, issues`."""
    late = {"@late_week": "#F0C75E", "@late_month": "#E69F00", "@late_long": RED}
    place = "datum.days_overdue <= 7 ? 0 : datum.days_overdue <= 30 ? 1 : 2"
    return chart({"step": 20},
        mark("bar", "person late issues=issues_axis:,.0f", look={"height": {"band": 0.8}},
            x=count("issues", stack="zero"), color=coloured("late", late),
            order={"field": "place", "type": "quantitative"}),
        transform=[*worked_out(place=place, person="datum.person || '@nobody'"),
            added_up("issues", "person", "place", "choice"), *ranked("person", "issues"),
            *worked_out(late="['@late_week', '@late_month', '@late_long'][datum.place]")],
        y=names())


def load() -> Spec:
    """`rows: person, week, place, hours, capacity`: a field for each person and week, the darker
    the more of the capacity it takes.
    """
    # Where a column is narrow, words stand in two lines. There is room for the second at any width:
    # the top of a picture does not follow when its width changes.
    label = (
        "width > 640 ? datum.label : test(/^[0-9]{4}-/, datum.label) "
        "? [substring(datum.label, 0, 4), substring(datum.label, 5)] : test(/[^ -~]/, datum.label) "
        "? [substring(datum.label, 0, 2), substring(datum.label, 2)] : split(datum.label, ' ')"
    )
    axis = {"title": None, "orient": "top", "labelOverlap": False, "labelAngle": 0,
        "labelFontSize": {"expr": "width < 300 ? 8 : 11"}}
    week = {"field": "week", "type": "nominal", "sort": first_of("place")}
    colours = {"domain": [0, 0.5, 1, 1.5], "range": ["#EAF2F8", "#9CC9E3", "#F0B64A", "#F08A4B"],
        "interpolate": "rgb", "clamp": True}
    said = "width > 330 && datum.of ? format(datum.hours, ',.0f') + ' / ' + datum.of : "
    share = {"field": "share", "type": "quantitative", "legend": None, "scale": colours}
    return chart({"step": 20},
        mark("rect", "person week hours:,.1f of=capacity",
            look={"cornerRadius": 3, "height": {"band": 0.9}, "width": {"band": 0.95}},
            color=share),
        mark("text", "person week hours:,.1f of=capacity", look={"fontSize": 10, "fill": "#16202B"},
            text={"value": {"expr": said + "format(datum.hours, ',.0f')"}}),
        transform=[*worked_out(person="datum.person || '@unknown_person'",
                of="datum.capacity == null ? '' : format(datum.capacity, ',.0f')",
                share=f"datum.hours / max(datum.capacity == null ? {FULL_WEEK} : "
                "datum.capacity, 0.01)"),
            {"filter": "datum.place < 8"}, *ranked("person", "hours")],
        y=names(), x={**week, "axis": {**axis, "labelPadding": 14, "labelExpr": label}})


def milestones() -> Spec:
    """`rows: milestone, today, done_by_50, done_by_85, due, state`: from today to the days by which
    the rest is done in half and in 85 of 100 cases, and the due date; the first due first.

    Where the work does not end before the edge, the end of the bar says so.
    """
    near = f"abs({{}} - datum.today) <= {REACH}"
    state = {"in_time": GREEN, "at_risk": "#E69F00", "too_late": RED, "no_due": "#9AA5B1"}
    state |= {"no_forecast": "#C9D1DA"}
    tip = "milestone done_by_50=half:day done_by_85=end:day due:day state=kind"
    colour = coloured("state", {f"@{name}": colour for name, colour in state.items()})
    band = {"height": {"band": 0.55}}
    # A row without a due date comes last.
    window = {"window": [{"op": "row_number", "as": "order"}], "sort": [{"field": "far"}]}
    words = ", ".join(f"{name}: '@{name}'" for name in state)
    return chart({"step": 24},
        mark("bar", tip, look=band, x=day("today"), x2={"field": "half"}, color=colour),
        mark("bar", tip, look={**band, "opacity": 0.45}, x=day("half"), x2={"field": "end"},
            color=colour),
        mark("tick", tip, of=f"isValid(datum.due) && {near.format('datum.due')}",
            look={"thickness": 3, "color": GREY, "height": {"band": 0.9}}, x=day("due")),
        mark("text", look={"align": "left", "dx": 4, "fontWeight": "bold"}, x=day("end"),
            text={"field": "cut"}),
        transform=[*worked_out(far="isValid(datum.due) ? datum.due : 1e15",
                end=f"min(datum.done_by_85 || 1e15, datum.today + {REACH})",
                half="min(datum.done_by_50 || 1e15, datum.end)",
                cut="!datum.done_by_85 ? '?' : datum.done_by_85 > datum.end ? '→' : ''",
                state=f"{{{words}}}[datum.state]"),
            window, {"filter": f"datum.order <= {SHOWN}"}],
        y=names("milestone"))


def burn(ticks: int | None = None) -> Spec:
    """`rows: day, scope, done, due`, of one milestone; `due` is in its last row."""
    colours = {"@done": GREEN, "@scope": GREY, "@due": RED}
    tip = "day:day scope:,.0f done:,.0f"
    return chart(130,
        mark("area", tip, look={**STEP, "opacity": 0.85}, y=count("done"),
            color=called("@done", colours)),
        mark("line", tip, look={**STEP, "strokeWidth": 2.2}, y=count("scope"),
            color=called("@scope", colours)),
        mark("rule", "due:day", of="isValid(datum.due)",
            look={"strokeDash": [6, 4], "strokeWidth": 1.8}, x=day("due", ticks),
            color=called("@due", colours)),
        x=day("day", ticks))


def burns() -> Spec:
    """The burn-up of those with most left to do: `rows: name, place, day, scope, done, due_date,
    is_last`; a due date far away would press the rest to the edge.
    """
    each = burn(3)
    span = "max(datum.last - datum.first, 14 * 86400000)"
    near = f"datum.due_date >= datum.first - {span} && datum.due_date <= datum.last + {span}"
    each["transform"] = [
        {"filter": "datum.place <= 6"},
        *worked_out(now_done="datum.is_last ? datum.done : 0",
            now_scope="datum.is_last ? datum.scope : 0"),
        together("min", "day", "first", "name"), together("max", "day", "last", "name"),
        together("max", "now_done", "now_done", "name"),
        together("max", "now_scope", "now_scope", "name"),
        *worked_out(
            due=f"datum.is_last && isValid(datum.due_date) && {near} ? datum.due_date : null",
            head="datum.name + ': ' + format(datum.now_done, ',') + ' / ' "
                 "+ format(datum.now_scope, ',')")]
    return small(each, "head", 236, 130)


#: Months as they are written; what would touch its neighbour is left out.
_MONTHS: Spec = {"field": "month", "type": "ordinal",
    "axis": {"title": None, "labelAngle": 0, "labelOverlap": True, "labelSeparation": 6}}


def hours() -> Spec:
    """`rows: month, person, hours`: what was taken back is below zero."""
    most = len(SERIES) - 1
    legend = {"title": None, "labelLimit": 240, "columns": {"expr": "max(1, floor(width / 230))"}}
    colour = {"field": "who", "type": "nominal", "sort": first_of("order"), "legend": legend}
    return chart(240,
        mark("bar", "month who=person hours:,.1f", y=count("hours", "@hours_axis", stack="zero"),
            color={**colour, "scale": {"range": list(SERIES)}},
            order={"field": "order", "type": "quantitative"}),
        transform=[*worked_out(person="datum.person || '@unknown_person'"),
            *ranked("person", "hours", None),
            *worked_out(order=f"min(datum.order, {most + 1})",
                who=f"datum.order > {most} ? '@others' : datum.person",
                choice=f"datum.order > {most} ? null : datum.choice"),
            added_up("hours", "month", "who", "order", "choice")],
        x=_MONTHS)


def plan() -> Spec:
    """`rows: month, planned, actual`."""
    kinds = {"@planned": "#9AA5B1", "@actual": BLUE}
    return chart(190,
        mark("bar", "month kind value=hours:,.1f",
            xOffset={"field": "kind", "type": "nominal", "sort": list(kinds)},
            y=count("value", None), color=coloured("kind", kinds)),
        transform=folded({"planned": "@planned", "actual": "@actual"}), x=_MONTHS)


def flow(*by: str, ticks: int | None = None) -> Spec:
    """`rows: day, order (of the stage), issues`, at the end of the day.

    The axis begins a little below what was done before its days, which would press all other stages
    to the top.
    """
    words = ", ".join(f"'@stage_{stage}'" for stage in STAGES)
    return chart(240,
        mark("area", "day:day stage issues=issues_axis:,.0f",
            y=count("bottom", scale={"zero": False, "nice": False}), y2={"field": "top"},
            color=coloured("stage", {f"@stage_{name}": tint for name, tint in STAGES.items()})),
        transform=[added_up("issues", *by, "day", "order", "choice"),
            {"stack": "issues", "groupby": [*by, "day"], "sort": [{"field": "order"}],
                "as": ["under", "top"]},
            *worked_out(done="datum.order == 0 ? datum.top : null",
                stage=f"[{words}][datum.order]"),
            together("min", "done", "before", *by), together("max", "top", "highest", *by),
            *worked_out(floor="datum.before > 0.25 * datum.highest ? "
                "1.15 * datum.before - 0.15 * datum.highest : 0",
                bottom="max(datum.under, datum.floor)")],
        x=day("day", ticks))


def flow_of_projects() -> Spec:
    """The flow of all, and of the largest projects each: `rows: project, place, day, order,
    issues`.
    """
    whole, each = flow(ticks=7), flow("project", "place", ticks=3)
    some = together("distinct", "project", "projects")
    each["transform"] = [
        some, {"filter": "datum.projects > 1 && datum.place <= 6"}, *each["transform"]]
    return {"vconcat": [whole, small(each, "project", 240, 100)]}


def throughput() -> Spec:
    """`rows: week, created, done, reopened`.

    An import of many issues in a week or two would press all other weeks to the ground: the axis
    ends below, and they are written.
    """
    tip = "week:day created:,.0f done:,.0f reopened:,.0f mean:,.1f"
    colours = {"@done": GREEN, "@created": RED, "@mean": GREY, "@reopened": PINK}
    wide = {"width": {"expr": "clamp(width / (data('rows').length + 1) - 1, 1, 26)"}}

    def of(kind: str, field: str, name: str, look: Spec) -> Spec:
        return mark(kind, tip, look=look, y=count(field, None), color=called(name, colours))

    return chart(240, of("bar", "shown_done", "@done", wide), of("bar", "below", "@reopened", wide),
        of("line", "shown", "@created", {"point": {"size": 18}, "strokeWidth": 1.6}),
        of("line", "shown_mean", "@mean", {"strokeWidth": 2.4, "strokeDash": [5, 3]}),
        mark("text", of="datum.most > datum.ceiling",
            look={"align": "right", "dx": - 6, "y": 8, "fill": RED}, text={"field": "over"}),
        transform=[{"window": [{"op": "mean", "field": "done", "as": "mean"}],
                "sort": [{"field": "week"}], "frame": [- 3, 0]},
            *worked_out(most="max(datum.created, datum.done)"),
            {"window": [{"op": "row_number", "as": "nth"}],
                "sort": [{"field": "most", "order": "descending"}]},
            *worked_out(rest="datum.nth > 2 ? datum.most : 0"), together("max", "rest", "typical"),
            together("max", "most", "highest"),
            *worked_out(ceiling="datum.typical >= 1 && datum.highest > 3 * datum.typical ? "
                "1.5 * datum.typical : datum.highest",
                over="'↑ ' + format(datum.most, ',')", below="-datum.reopened",
                shown="min(datum.created, datum.ceiling)",
                shown_done="min(datum.done, datum.ceiling)",
                shown_mean="min(datum.mean, datum.ceiling)")],
        x=day("week"))


def cycle() -> Spec:
    """`rows: at, days, key, p50, p85, p95`: a dot for each done issue, and the percentiles, which
    are of more issues than there are dots.
    """
    shares = ("p50", "p85", "p95")
    words = ", ".join(f"{share}: '{share[1:]} %: '" for share in shares)
    # At the left, at the right and in the middle, so that none lies on the next one.
    places: list[tuple[str, Any]] = [
        ("left", 4), ("right", "width"), ("center", {"expr": "width / 2"})]
    lines = [{"aggregate": [{"op": "max", "field": share, "as": share} for share in shares]},
        *folded({share: share for share in shares}),
        *worked_out(text=f"{{{words}}}[datum.kind] + format(datum.value, ',.1f') + ' @d'")]
    dots = mark("point", "key=issue at=done:day days:,.1f",
        look={"filled": True, "size": 26, "opacity": 0.5, "color": BLUE}, x=day("at"),
        y=days_axis("days"), href={"field": "href", "type": "nominal"})
    rules = mark("rule", look={"color": RED, "strokeWidth": 1.4}, y=days_axis("value"))
    said = [
        mark("text", look={"align": align, "dy": -6, "fontWeight": "bold"}, y=days_axis("value"),
            x={"value": place}, text={"field": "text"})
        | {"transform": [*lines, {"filter": f"datum.kind == '{share}'"}]}
        for share, (align, place) in zip(shares, places, strict=True)]
    return chart(260, dots, {**rules, "transform": lines}, *said)


def ageing() -> Spec:
    """`rows: key, status, order (of its stage), person, days, risk`: the oldest of each status has
    its key beside it.
    """
    words = ", ".join(f"{risk}: '@risk_{risk}'" for risk in RISKS)
    colours = {f"@risk_{risk}": colour for risk, (colour, _) in RISKS.items()}
    shapes = {"domain": list(colours), "range": [shape for _, shape in RISKS.values()]}
    axis = {"title": None, "labelAngle": 0, "grid": False, "labelOverlap": True}
    status = {"field": "status", "type": "nominal", "sort": first_of("order")}
    offset = {"field": "spot", "type": "quantitative", "scale": {"domain": [-0.6, 1.6]}}
    return chart(280,
        mark("point", "key=issue status person days:,.1f risk",
            look={"filled": True, "size": 55, "opacity": 0.8}, xOffset=offset,
            color=coloured("risk", colours, "@risk"),
            shape={"field": "risk", "type": "nominal", "scale": shapes},
            href={"field": "href", "type": "nominal"}),
        mark("text", of="datum.nth == 1",
            look={"align": "left", "dx": 7, "fontSize": 10,
                "limit": {"expr": "0.68 * bandwidth('x')"}},
            xOffset=offset, text={"field": "key"}),
        transform=[{"joinaggregate": [{"op": "count", "as": "issues"}], "groupby": ["status"]},
            {"window": [{"op": "dense_rank", "as": "size"}],
                "sort": [{"field": "issues", "order": "descending"}, {"field": "status"}]},
            {"filter": "datum.size <= 7"},
            {"window": [{"op": "row_number", "as": "nth"}], "groupby": ["status"],
                "sort": [{"field": "days", "order": "descending"}, {"field": "key"}]},
            *worked_out(spot="((datum.nth - 1) * 0.618034) % 1",
                risk=f"{{{words}}}[datum.risk] || '@risk_unknown'",
                person="datum.person || '@nobody'")],
        x={**status, "axis": {**axis, "labelLimit": {"expr": "max(60, width / 4)"}}},
        y=days_axis("days"))


def earned(ticks: int | None = None) -> Spec:
    """`rows: day, planned, baseline, earned, cost`, hours since the beginning."""
    words = {name: f"@ev_{name}" for name in ("planned", "baseline", "earned", "cost")}
    colours = dict(zip(words.values(), (GREY, PINK, GREEN, RED), strict=True))
    dashed = {"condition": {"test": "datum.kind == '@ev_baseline'", "value": [5, 3]}}
    return chart(220,
        mark("line", "day:day kind value=hours:,.0f",
            look={"strokeWidth": 2}, y=count("value", "@hours_axis"),
            color=coloured("kind", colours), strokeDash={**dashed, "value": [1, 0]}),
        transform=folded(words), x=day("day", ticks))


def earned_of_projects() -> Spec:
    """`rows: project, place`, and what `earned` takes."""
    return small(earned(3), "project", 236, 150)


def velocity() -> Spec:
    """`rows: milestone, order, committed, done, carried`, issues."""
    words = {name: f"@{name}" for name in ("committed", "done", "carried")}
    colours = dict(zip(words.values(), ("#9AA5B1", GREEN, "#E69F00"), strict=True))
    return chart({"step": 7},
        mark("bar", "milestone kind value=issues_axis:,.0f", x=count("value"),
            yOffset={"field": "kind", "type": "nominal", "sort": list(colours)},
            color=coloured("kind", colours)),
        transform=folded(words), y=names("milestone"))


def gantt() -> Spec:
    """`rows: key, order, start, first_due, due, today`: from the start to the due date of today,
    and where the due date was at first; what lies far away is drawn at the edge.
    """
    colours = {"@due_now": BLUE, "@overdue": RED, "@moved": "#E69F00", "@first_due": GREY}
    tip = "key=issue summary start:day first_due:day due:day"
    link = {"field": "href", "type": "nominal"}
    near = f"clamp({{}}, datum.today - {REACH}, datum.today + {REACH})"
    thin = {"height": {"band": 0.16}}
    tick = {"thickness": 3, "height": {"band": 0.85}}
    return chart({"step": 20},
        mark("bar", tip, look={"height": {"band": 0.5}}, x=day("from"), x2={"field": "to"},
            color=coloured("kind", colours), href=link),
        mark("bar", tip, look=thin, x=day("was"), x2={"field": "to"},
            color=called("@moved", colours)),
        mark("tick", tip, look=tick, x=day("was"), color=called("@first_due", colours)),
        mark("rule", look={"color": RED, "strokeDash": [3, 3]}, x=day("today"), y={"value": 0},
            y2={"value": "height"}),
        transform=worked_out(
            **{"was": near.format("datum.first_due"), "to": near.format("datum.due"),
                "from": "isValid(datum.start) ? min(datum.to, " + near.format(
                    "datum.start") + ") : min(datum.was, datum.to)",
                "kind": "datum.due < datum.today ? '@overdue' : '@due_now'"}),
        y=names("key"))


#: What the page draws, by name.
PAGE: dict[str, Callable[[], Spec]] = {
    "overdue": overdue, "ageing": ageing, "load": load, "milestones": milestones, "burn": burn,
    "plan": plan, "flow": flow, "throughput": throughput, "cycle": cycle, "hours": hours,
    "earned": earned, "velocity": velocity, "gantt": gantt,
}  # fmt: skip
