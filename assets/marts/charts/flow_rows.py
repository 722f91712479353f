"""From rows of marts to rows of the charts of flow, whose specs are in `flow_specs`: for each a
function that takes a data frame, and returns what its spec takes.
"""

import math

import numpy as np
import pandas as pd

from assets.marts.charts.drawn import DAY, NOTHING, Drawn, Rows, cut_text, distinct_names, ms
from assets.marts.charts.words import RISKS, STAGES, both, clean

PERCENTILES = (50, 85, 95)
#: Of more done issues every n-th is drawn in the Dagster UI; percentiles are of all.
MOST_DOTS = 500
PROJECTS_SHOWN, STATUSES_SHOWN, NAMED = 6, 7, 4
OLDEST_SHOWN = 400


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
        name = f"{cut_text(project, 24)}: {part.iloc[-1].sum():,.0f}" + "\u200b" * place
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
    shown = distinct_names(largest, 18)
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
