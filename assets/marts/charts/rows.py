"""From rows of marts to rows of charts: for each chart a function that takes a data frame, and
returns what its spec takes.
"""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from assets.marts.charts.words import RISKS, SERIES, STAGES, both, clean

Rows = list[dict[str, Any]]
DAY = 86_400
_FIRST = date(1970, 1, 1)
PERCENTILES = (50, 85, 95)
#: Of more done issues every n-th is drawn in the Dagster UI; percentiles are of all.
MOST_DOTS = 500
PROJECTS_SHOWN, MILESTONES_SHOWN, STATUSES_SHOWN, PEOPLE_SHOWN, WEEKS_SHOWN, NAMED = (
    6,
    6,
    7,
    20,
    8,
    4,
)
OLDEST_SHOWN = 400
#: As on the page.
ENDS_SHOWN, ENDS_DAYS = 10, 120


@dataclass(frozen=True)
class Drawn:
    """What a chart draws, and the numbers below its title."""

    said: str
    rows: Rows
    marks: Rows = field(default_factory=list)
    params: Rows = field(default_factory=list)


NOTHING = Drawn("", [])


def ms(day: Any) -> int | None:
    """Return a day or an instant of the space's zone as milliseconds, as if that zone were UTC."""
    if pd.isna(day):
        return None
    # A timestamp of pandas takes ten times as long, and some charts have thousands of days.
    return (
        (day - _FIRST).days * DAY * 1000
        if type(day) is date
        else int(pd.Timestamp(day).timestamp() * 1000)
    )


def flow(frame: pd.DataFrame) -> Drawn:
    """From `project, day, stage, issues`: all together, and the largest projects each."""
    rows = frame.dropna(subset=["day", "stage", "issues"])
    if rows.empty:
        return NOTHING
    rows = rows.assign(issues=rows["issues"].astype(float), project=rows["project"].fillna("?"))
    days = sorted(rows["day"].unique())
    every = (
        rows.pivot_table(index="day", columns=["project", "stage"], values="issues", aggfunc="sum")
        .reindex(days)
        .ffill()
        .fillna(0.0)
    )
    whole = every.T.groupby(level="stage").sum().T
    largest = (
        every.iloc[-1]
        .groupby(level="project")
        .sum()
        .sort_values(ascending=False, kind="stable")
        .index[:PROJECTS_SHOWN]
    )
    now = " · ".join(
        f"{both(f'stage_{stage}')} {whole[stage].iloc[-1] if stage in whole else 0:,.0f}"
        for stage in reversed(STAGES)
    )
    top, least = (
        float(whole.sum(axis=1).max()),
        float(whole["done"].min()) if "done" in whole else 0.0,
    )
    floor = max(0, int(least - 0.15 * (top - least))) if least > 0.25 * top else 0
    thin = range(len(days) - 1, -1, -max(1, len(days) // 24))
    marks: Rows = []
    for place, project in enumerate(
        largest if every.columns.get_level_values("project").nunique() > 1 else []
    ):
        part = every[project]
        name = f"{_short(project, 24)}: {part.iloc[-1].sum():,.0f}" + "\u200b" * place
        marks += [
            {"project": name, "place": place, **one} for one in _stages(part.iloc[sorted(thin)])
        ]
    return Drawn(
        f"{days[0]} – {days[-1]} · {now}",
        _stages(whole),
        marks,
        [{"name": "floor", "value": floor}],
    )


def _stages(flow: pd.DataFrame) -> Rows:
    return [
        {"day": ms(day), "stage": both(f"stage_{stage}"), "order": place, "issues": float(issues)}
        for place, stage in enumerate(STAGES)
        if stage in flow
        for day, issues in flow[stage].items()
    ]


def throughput(frame: pd.DataFrame) -> Drawn:
    """From `week, created, done, reopened`; weeks that are not there are weeks in which nothing
    happened.
    """
    rows = frame.dropna(subset=["week"])
    if rows.empty:
        return NOTHING
    weeks = rows.groupby("week")[["created", "done", "reopened"]].sum().astype(float)
    every = [
        stamp.date() for stamp in pd.date_range(weeks.index.min(), weeks.index.max(), freq="7D")
    ]
    weeks = weeks.reindex(every).fillna(0.0)
    mean = weeks["done"].rolling(4, min_periods=1).mean()
    total, ceiling = weeks.sum(), 1.05 * scale(weeks[["created", "done"]].max(axis=1))
    made = [
        {
            "week": ms(one["week"]),
            "below": -one["reopened"],
            **{name: one[name] for name in ("created", "done", "reopened", "mean")},
        }
        for one in weeks.assign(mean=mean).rename_axis("week").reset_index().to_dict("records")
    ]
    over = [
        {"week": row["week"], "text": f"↑ {max(row['created'], row['done']):,.0f}"}
        for row in made
        if max(row["created"], row["done"]) > ceiling
    ]
    said = f"{every[0]} – {every[-1]} · " + " · ".join(
        f"{both(name)} {total[name]:,.0f}" for name in ("done", "created", "reopened")
    )
    return Drawn(said, made, over, [{"name": "ceiling", "value": ceiling}])


def scale(numbers: "pd.Series[float]") -> float:
    """Return the top of an axis: an import of many issues in a week or two would press all other
    weeks to the ground.
    """
    typical = 2 * float(numbers.quantile(0.95))
    return (
        typical
        if typical >= 1 and 1 <= (numbers > typical).sum() <= 2
        else max(1.0, float(numbers.max()))
    )


def cycle(frame: pd.DataFrame) -> Drawn:
    """From `issue_key, done_at, cycle_seconds`."""
    rows = frame.dropna(subset=["done_at", "cycle_seconds"]).sort_values(
        ["done_at", "cycle_seconds"]
    )
    if rows.empty:
        return NOTHING
    days = rows["cycle_seconds"].astype(float).clip(lower=60) / DAY
    step = -(-len(rows) // MOST_DOTS)
    dots = [
        {"at": ms(at), "days": round(took, 4), "key": clean(key)}
        for at, took, key in zip(
            rows["done_at"].iloc[::step],
            days.iloc[::step],
            rows["issue_key"].iloc[::step],
            strict=True,
        )
    ]
    lines = [(share, float(np.percentile(days, share))) for share in PERCENTILES]
    marks = [
        {"days": at, "text": f"{share} %: {at:,.1f} 日 / days", "side": place}
        for place, (share, at) in enumerate(lines)
    ]
    some = "" if step == 1 else f" · {step} 件ごとに 1 点 / one dot in {step}"
    return Drawn(
        f"着手から完了まで / from started to done · 課題 / issues {len(rows):,}{some}", dots, marks
    )


def ageing(frame: pd.DataFrame) -> Drawn:
    """From `issue_key, stage, status, assignee, age_seconds, risk`: the oldest, of the statuses
    with most issues.
    """
    rows = frame.dropna(subset=["age_seconds", "status"]).sort_values(
        ["age_seconds", "issue_key"], ascending=[False, True]
    )
    if rows.empty:
        return NOTHING
    stages = list(reversed(STAGES))
    rows = rows.assign(
        risk=rows["risk"].where(rows["risk"].isin(list(RISKS)), "unknown"),
        order=rows["stage"]
        .map({stage: place for place, stage in enumerate(stages)})
        .fillna(len(stages)),
    )
    counts = rows["risk"].value_counts()
    largest = rows["status"].value_counts().head(STATUSES_SHOWN).index
    shown = _apart(largest, 18)
    made: Rows = []
    for status, part in (
        rows[rows["status"].isin(largest)].head(OLDEST_SHOWN).groupby("status", sort=False)
    ):
        made += [
            {
                "key": clean(one["issue_key"]), "name": "", "status": shown[status],
                "order": one["order"],
                "person": clean(one["assignee"] or both("nobody")),
                "risk": both(f"risk_{one['risk']}"),
                "days": round(max(float(one["age_seconds"]), 60) / DAY, 4),
                "place": round(place * 0.618034 % 1, 3),
            }
            for place, one in enumerate(part.to_dict("records"))
        ]  # fmt: skip
    _name(made, len(largest))
    said = " · ".join(f"{both(f'risk_{risk}')} {counts.get(risk, 0):,}" for risk in RISKS)
    return Drawn(
        f"最後の着手から / since last started · 課題 / issues {len(rows):,} · "
        f"リスク / risk: {said}",
        made,
    )


def _name(dots: Rows, columns: int, wide: int = 780, high: int = 250) -> None:
    """Write the keys of the oldest of each status next to their dots, where a picture so wide and
    high has room.
    """
    logs = [math.log(dot["days"]) for dot in dots]
    a_step = high / (max(*logs, math.log(7)) - min(*logs, 0.0))
    named: dict[str, list[float]] = {}
    for dot, log in zip(dots, logs, strict=True):
        taken = named.setdefault(dot["status"], [])
        room = (
            wide / columns * (1.2 - (dot["place"] + 0.6) / 2.2)
        )  # the dots of the next status begin after that
        if (
            len(taken) < NAMED
            and 7 * len(dot["key"]) < room
            and all(abs(log - other) * a_step > 13 for other in taken)
        ):
            dot["name"] = dot["key"]
            taken.append(log)


def burn(frame: pd.DataFrame) -> Drawn:
    """From `project_key, milestone_id, milestone, day, scope, done, due_date, projected_done_on`.

    The milestones with most left to do, and as marks when those that are open will end.
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
        name = _short(f"{clean(newest.project_key or '?')} {clean(newest.milestone)}", 20)
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
    return Drawn(said, made, _ends(last[last["scope"] > last["done"]]))


def _ends(last: pd.DataFrame) -> Rows:
    """Return when milestones end if their speed goes on, from their newest rows: those with a
    speed, or due in these months.
    """
    reach = timedelta(days=ENDS_DAYS)
    made: list[tuple[date, str, date, date | None, date | None]] = []
    for row in last.to_dict("records"):
        today: date = row["day"]
        due, end = (
            row[name] if isinstance(row[name], date) else None
            for name in ("due_date", "projected_done_on")
        )
        if end or (due and abs(due - today) <= reach):
            name = _short(f"{clean(row['project_key'] or '?')} {clean(row['milestone'])}", 30)
            made.append((due or date.max, name, today, due, end))
    return [
        {
            "milestone": name + "\u200b" * place,
            "order": place,
            "today": ms(today),
            "end": ms(min(end or date.max, today + reach)),
            "cut": "?" if end is None else "→" if end > today + reach else "",
            "due": ms(due) if due and abs(due - today) <= reach else None,
            "ends": end.isoformat() if end else both("no_speed"),
            "due_on": due.isoformat() if due else "–",
            "state": both(_state(today, due, end)),
        }
        for place, (_, name, today, due, end) in enumerate(
            sorted(made, key=lambda one: one[:2])[:ENDS_SHOWN]
        )
    ]


def _state(today: date, due: date | None, end: date | None) -> str:
    """Return the word for a milestone that is open; the page says the same."""
    if due is None:
        return "no_due"
    if end is None and due >= today:
        return "no_speed"
    return "in_time" if end is not None and end <= due else "too_late"


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
    shown = _apart([*named, both("others")], 18)
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
    shown = _apart(most.index, 24)
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
    """From `person, days_late, issues`: open issues after their due dates."""
    rows = frame.dropna(subset=["days_late", "issues"]).astype({"issues": int})
    if rows.empty:
        return NOTHING
    place = rows["days_late"].map(
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
    shown = _apart(order, 24)
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


def _short(text: object, most: int = 26) -> str:
    """Return a text of the source as one line of so many letters at most; a full-width one counts
    for two.
    """
    line = clean(text)
    if _letters(line) <= most:
        return line
    while _letters(line) >= most:
        line = line[:-1]
    return line.rstrip() + "…"


def _letters(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(one) in "WFA" else 1 for one in line)


def _apart(names: Iterable[Any], most: int) -> dict[Any, str]:
    """Return names cut short, and still different: those that look the same have letters at their
    end that nobody sees.
    """
    made: dict[Any, str] = {}
    for name in names:
        if name not in made:
            short = _short(name, most)
            made[name] = short + "\u200b" * sum(
                one.rstrip("\u200b") == short for one in made.values()
            )
    return made
