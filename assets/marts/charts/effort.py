"""What milestones and people take: burn-up, hours by month."""

import pandas as pd

from assets.marts.charts.canvas import LEFT, RIGHT, WIDTH, Canvas, bars, count_axis, date_axis, days, drawn, empty
from assets.marts.charts.words import INK, QUIET, SERIES, STAGES, clean, fit

BURN_TITLE = "バーンアップ / Burn-up of milestones"
HOURS_TITLE = "月別の実績時間 / Hours by month"
MILESTONES_SHOWN = 6
OTHERS, NOBODY = "その他 / others", "不明 / not known"


def burn_up(frame: pd.DataFrame) -> str:
    """Draw `project_key, milestone_id, milestone, day, scope, done, due_date` for the milestones with most left to do."""
    rows = frame.dropna(subset=["milestone_id", "day", "scope", "done"]).sort_values("day")
    if rows.empty:
        return empty(BURN_TITLE)
    last = rows.groupby("milestone_id").tail(1)
    order = last.assign(left=(last["scope"] - last["done"]).astype(float)).sort_values(
        ["left", "day", "milestone_id"], ascending=[False, False, True]
    )
    chosen = list(order["milestone_id"].head(MILESTONES_SHOWN))
    some = f"残りの多い順 / most left to do first: {len(chosen)} of {len(order)} · "
    said = some + "数字は完了 / 範囲(課題数) / numbers are issues done / in scope"
    keys = [
        ("-", INK, "範囲 scope(課題 issues)"),
        ("", STAGES["done"][2], "完了 done"),
        ("--", "#D55E00", "期限 due"),
    ]
    across = min(len(chosen), 3)
    lines = -(-len(chosen) // 3)
    high = 280 if lines == 1 else 160

    def draw() -> Canvas:
        canvas = Canvas(BURN_TITLE, said, keys, (high + 78) * lines - 6)
        wide = (WIDTH - RIGHT - across * LEFT) / across + 8
        for place, milestone in enumerate(chosen):
            part = rows[rows["milestone_id"] == milestone]
            left, top = LEFT - 10 + place % 3 * (wide + LEFT - 6), 22 + place // 3 * (high + 78)
            _milestone(canvas, part, left, top, wide, high)
        return canvas

    return drawn(draw)


def _milestone(canvas: Canvas, part: pd.DataFrame, left: float, top: float, wide: float, high: float) -> None:
    newest = part.iloc[-1]
    due = newest["due_date"] if pd.notna(newest["due_date"]) else None
    numbers = f"{newest['done']:,.0f} / {newest['scope']:,.0f}" + (f" · 期限 due {due}" if due else "")
    changed = (part[["scope", "done"]] != part[["scope", "done"]].shift()).any(axis=1)
    part = part[changed | (part.index == part.index[-1])]  # a step needs no days between
    axes = canvas.axes(left, top, wide, high, fit(numbers, wide, 11))
    name = f"{clean(newest['project_key'] or '?')} · {clean(newest['milestone'])}"
    canvas.text(left, canvas.top + top - 24, fit(name, wide, 12), 12, weight="bold")
    x = days(part["day"]).to_numpy()
    axes.fill_between(x, part["done"].astype(float).to_numpy(), 0, color=STAGES["done"][2], linewidth=0, step="post")
    axes.plot(x, part["scope"].astype(float).to_numpy(), color=INK, linewidth=2, drawstyle="steps-post")
    if len(x) == 1:
        axes.plot(x, [float(newest["scope"])], "o", color=INK, markersize=5)
    first, last = float(x[0]), float(x[-1])
    if due:
        axes.axvline(due.toordinal(), color="#D55E00", linewidth=1.6, linestyle="--")
        # A due date far away would press the rest to the edge.
        span = max(last - first, 14.0)
        if first - span <= due.toordinal() <= last + span:
            first, last = min(first, due.toordinal()), max(last, float(due.toordinal()))
    margin = max(last - first, 1.0) / 50
    date_axis(axes, first - margin, last + margin, 3 if wide < 400 else 7)
    count_axis(axes, float(part["scope"].astype(float).max()), most=4)


def hours(frame: pd.DataFrame) -> str:
    """Draw `month, person, hours`: a bar for each month, in the colours of those with most hours; taken back is below zero."""
    rows = frame.dropna(subset=["month", "hours"])
    if rows.empty:
        return empty(HOURS_TITLE)
    rows = rows.assign(person=rows["person"].fillna(NOBODY), hours=rows["hours"].astype(float))
    most = len(SERIES) - 1
    by_person = rows.groupby("person")["hours"].sum().reset_index().sort_values(["hours", "person"], ascending=[False, True])
    named = list(by_person["person"].head(most))
    rows = rows.assign(person=rows["person"].where(rows["person"].isin(named), OTHERS))
    months = rows.pivot_table(index="month", columns="person", values="hours", aggfunc="sum")
    every = [stamp.date() for stamp in pd.date_range(months.index.min(), months.index.max(), freq="MS")]
    shown = [*named, *([OTHERS] if len(by_person) > most else [])]
    months = months.reindex(index=every, columns=shown).fillna(0.0)
    colours = dict(zip(shown, [*SERIES[: len(named)], SERIES[-1]], strict=False))
    keys = [("", colours[one], f"{fit(one, 180, 12)}: {months[one].sum():,.1f}") for one in shown]
    total = months.to_numpy().sum()
    said = f"実績時間の増減を入力した月と人で / changes of actual hours by month and person · 合計 total: {total:,.1f} h"

    def draw() -> Canvas:
        canvas = Canvas(HOURS_TITLE, said, keys, 320)
        axes = canvas.axes(LEFT, 0, WIDTH - LEFT - RIGHT, 280, "時間 / hours")
        x = days(months.index.to_series()).to_numpy()
        above, below = 0.0 * months.iloc[:, 0], 0.0 * months.iloc[:, 0]
        for person in shown:
            base = above.where(months[person] > 0, below)
            bars(axes, list(x), list(base), list(base + months[person]), 22, colours[person])
            above, below = above + months[person].clip(lower=0), below + months[person].clip(upper=0)
        axes.axhline(0, color=QUIET, linewidth=0.8)
        date_axis(axes, x[0] - 18, x[-1] + 18, 8, months_only=True)
        count_axis(axes, float(above.max()), float(below.min()))
        return canvas

    return drawn(draw)
