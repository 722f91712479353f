"""From rows of marts to rows of charts: for each chart a function that takes a data frame, and
returns what its spec takes; those of flow are in `flow_rows`.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd

from assets.marts.charts.drawn import NOTHING, Drawn, Rows, cut_text, distinct_names, ms
from assets.marts.charts.words import SERIES, both, clean

MILESTONES_SHOWN, PEOPLE_SHOWN, WEEKS_SHOWN = 6, 20, 8
#: As on the page.
ENDS_SHOWN, ENDS_DAYS = 10, 120


def burn(frame: pd.DataFrame) -> Drawn:
    """From `project_key, milestone_id, milestone, day, scope, done, due_date`: the milestones with
    most left to do.
    """
    rows = frame.dropna(subset=["milestone_id", "day", "scope", "done"]).sort_values("day")
    if rows.empty:
        return NOTHING
    last = rows.groupby("milestone_id").tail(1)
    left = last.assign(left=(last["scope"] - last["done"]).astype(float))
    order = left.sort_values(["left", "day", "milestone_id"], ascending=[False, False, True])
    made: Rows = []
    for place, newest in enumerate(order.head(MILESTONES_SHOWN).itertuples()):
        part = rows[rows["milestone_id"] == newest.milestone_id].astype(
            {"scope": float, "done": float}
        )
        changed = (part[["scope", "done"]] != part[["scope", "done"]].shift()).any(axis=1)
        part = part[changed | (part.index == part.index[-1])]  # a step needs no days between
        due = newest.due_date if isinstance(newest.due_date, date) else None
        name = cut_text(f"{clean(newest.project_key or '?')} {clean(newest.milestone)}", 20)
        # Milestones may have the same name: letters that nobody sees keep them apart.
        name = f"{name}: {newest.done:,.0f} / {newest.scope:,.0f}" + "\u200b" * place
        steps: Rows = [
            {
                "milestone": name,
                "place": place,
                "day": ms(one.day),
                "scope": one.scope,
                "done": one.done,
            }
            for one in part.itertuples()
        ]
        steps[-1]["due"] = near(due, part["day"].iloc[[0, -1]])
        made += steps
    said = (
        f"残りの多い {min(len(order), MILESTONES_SHOWN)} / {len(order)} 件 · "
        "most left to do first · 完了 / 範囲 (done / in scope)"
    )
    return Drawn(said, made)


def ends(frame: pd.DataFrame) -> Drawn:
    """From `project_key, milestone, as_of, due_date, done_by_50, done_by_85, reason`: when open
    milestones will end, of those with a forecast, or due in these months.
    """
    reach = timedelta(days=ENDS_DAYS)
    made: list[tuple[date, str, dict[str, Any]]] = []
    for row in frame.dropna(subset=["as_of"]).to_dict("records"):
        today: date = row["as_of"]
        no_day = both(f"reason_{row['reason']}") if isinstance(row["reason"], str) else "–"
        due, half, end = (
            row[name] if isinstance(row[name], date) else None
            for name in ("due_date", "done_by_50", "done_by_85")
        )
        if half or (due and abs(due - today) <= reach):
            most = today + reach
            drawn = {
                "today": ms(today),
                "half": ms(min(half or most, most)),
                "end": ms(min(end or most, most)),
                "cut": "?" if half is None else "" if end and end <= most else "→",
                "due": ms(due) if due and abs(due - today) <= reach else None,
                "half_on": half.isoformat() if half else no_day,
                "ends": end.isoformat() if end else no_day,
                "due_on": due.isoformat() if due else "–",
                "state": both(_state(today, due, half, end)),
            }
            name = cut_text(f"{clean(row['project_key'] or '?')} {clean(row['milestone'])}", 30)
            made.append((due or date.max, name, drawn))
    if not made:
        return NOTHING
    shown = sorted(made, key=lambda one: one[:2])[:ENDS_SHOWN]
    said = f"期限の早い {len(shown)} / {len(made)} 件 · first by due date · {both('half_and_end')}"
    return Drawn(
        said,
        [
            {"milestone": name + "\u200b" * place, "order": place, **drawn}
            for place, (_, name, drawn) in enumerate(shown)
        ],
    )


def _state(today: date, due: date | None, half: date | None, end: date | None) -> str:
    """Return the word for a milestone that is open; the page says the same."""
    if due is None:
        return "no_due"
    if due < today or (half and half > due):
        return "too_late"
    if half is None:
        return "no_forecast"
    return "in_time" if end and end <= due else "at_risk"


def near(due: date | None, days: "Sequence[date] | pd.Series[Any]") -> int | None:
    """Return a due date where it fits the axis: one far away would press the rest to the edge."""
    first, last = list(days)
    span = max((last - first).days, 14)
    return ms(due) if due and -span <= (due - first).days and (due - last).days <= span else None


def hours(frame: pd.DataFrame) -> Drawn:
    """From `month, person, hours`: those with most hours, and all others."""
    rows = frame.dropna(subset=["month", "hours"])
    if rows.empty:
        return NOTHING
    rows = rows.assign(
        person=rows["person"].fillna(both("unknown_person")).map(clean),
        hours=rows["hours"].astype(float),
    )
    most = (
        rows.groupby("person")["hours"]
        .sum()
        .reset_index()
        .sort_values(["hours", "person"], ascending=[False, True])
    )
    named = list(most["person"].head(len(SERIES) - 1))
    rows = rows.assign(person=rows["person"].where(rows["person"].isin(named), both("others")))
    order = {person: place for place, person in enumerate([*named, both("others")])}
    sums = rows.groupby("person")["hours"].sum()
    found = rows.groupby(["month", "person"])["hours"].sum().reset_index()
    shown = distinct_names([*named, both("others")], 18)
    made = [
        {
            "month": f"{one['month']:%Y-%m}",
            "person": f"{shown[one['person']]}: {sums[one['person']]:,.1f}",
            "order": order[one["person"]], "hours": round(float(one["hours"]), 2),
        }
        for one in found.to_dict("records")
    ]  # fmt: skip
    return Drawn(
        "実績時間の増減を入力した月と人で / by the month and person of entry · 合計 / total "
        f"{rows['hours'].sum():,.1f} h",
        made,
    )


def plan(frame: pd.DataFrame) -> Drawn:
    """From `month, planned, actual`."""
    rows = frame.dropna(subset=["month"])
    if rows.empty:
        return NOTHING
    sums = rows.groupby("month")[["planned", "actual"]].sum().astype(float)
    made = [
        {"month": f"{one['month']:%Y-%m}", "kind": both(kind), "hours": round(one[kind], 2)}
        for one in sums.reset_index().to_dict("records")
        for kind in ("planned", "actual")
    ]
    said = " · ".join(f"{both(kind)} {sums[kind].sum():,.1f} h" for kind in ("planned", "actual"))
    return Drawn(said, made)


def load(frame: pd.DataFrame) -> Drawn:
    """From `person, week, hours`: those with most hours in the coming weeks."""
    rows = frame.dropna(subset=["week", "hours"])
    if rows.empty:
        return NOTHING
    rows = rows.assign(
        person=rows["person"].fillna(both("unknown_person")).map(clean),
        hours=rows["hours"].astype(float),
    )
    weeks = sorted(rows["week"].unique())[:WEEKS_SHOWN]
    rows = rows[rows["week"].isin(weeks)]
    table = (
        rows.pivot_table(index="person", columns="week", values="hours", aggfunc="sum")
        .reindex(columns=weeks)
        .fillna(0.0)
    )
    most = table.sum(axis=1).sort_values(ascending=False, kind="stable").head(PEOPLE_SHOWN)
    shown = distinct_names(most.index, 24)
    made = [
        {
            "person": shown[person],
            "order": order,
            "week": f"{week:%m-%d}",
            "place": place,
            "hours": round(float(hours), 1),
        }
        for order, person in enumerate(most.index)
        for place, (week, hours) in enumerate(zip(weeks, table.loc[person], strict=True))
    ]
    said = f"合計 / total {table.to_numpy().sum():,.1f} h · {both('person')} {len(table):,}"
    return Drawn(f"残り時間、月曜始まりの週 / hours left, weeks from Monday · {said}", made)


LATE = (("late_week", 7), ("late_month", 30), ("late_long", None))


def overdue(frame: pd.DataFrame) -> Drawn:
    """From `person, days_overdue, issues`: open issues after their due dates."""
    rows = frame.dropna(subset=["days_overdue", "issues"]).astype({"issues": int})
    if rows.empty:
        return NOTHING
    place = rows["days_overdue"].map(
        lambda days: next(at for at, (_, most) in enumerate(LATE) if most is None or days <= most)
    )
    rows = rows.assign(person=rows["person"].fillna(both("nobody")).map(clean), place=place)
    people = (
        rows.groupby("person")["issues"]
        .sum()
        .sort_values(ascending=False, kind="stable")
        .head(PEOPLE_SHOWN)
    )
    order = {person: at for at, person in enumerate(people.index)}
    found = (
        rows[rows["person"].isin(order)].groupby(["person", "place"])["issues"].sum().reset_index()
    )
    shown = distinct_names(order, 24)
    made = [
        {
            "person": shown[one["person"]],
            "order": order[one["person"]],
            "late": both(LATE[one["place"]][0]),
            "place": one["place"],
            "issues": one["issues"],
        }
        for one in found.to_dict("records")
    ]
    return Drawn(
        f"課題 / issues {rows['issues'].sum():,} · {both('person')} {rows['person'].nunique():,}",
        made,
    )
