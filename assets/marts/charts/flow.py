"""How work flows: cumulative flow by day, throughput by week."""

from itertools import pairwise

import pandas as pd

from assets.marts.charts.canvas import LEFT, RIGHT, WIDTH, Canvas, bars, count_axis, date_axis, days, drawn, empty
from assets.marts.charts.words import INK, STAGES, fit

FLOW_TITLE = "累積フロー / Cumulative flow"
THROUGHPUT_TITLE = "週次スループット / Throughput by week"
#: Besides all together, the largest ones.
PROJECTS_SHOWN = 6
_SMALL_DAYS = 32


def cumulative_flow(frame: pd.DataFrame) -> str:
    """Draw `project, day, stage, issues` (at the end of the day): all together, and the largest projects each."""
    rows = frame.dropna(subset=["day", "stage", "issues"])
    if rows.empty:
        return empty(FLOW_TITLE)
    flows = {str(project): _by_stage(part) for project, part in rows.groupby(rows["project"].fillna("?"))}
    whole = _summed(list(flows.values()))
    now = whole.iloc[-1]
    keys = [("", colour, f"{ja} {en}: {now[stage]:,.0f}") for stage, (ja, en, colour) in reversed(STAGES.items())]
    largest = sorted(flows, key=lambda project: (-flows[project].iloc[-1].sum(), project))[:PROJECTS_SHOWN]
    first, last = (day.isoformat() for day in (whole.index[0], whole.index[-1]))
    said = f"段階別の課題数(日末) / issues in each stage at the end of the day · {first} – {last}"

    def draw() -> Canvas:
        if len(flows) == 1:
            canvas = Canvas(FLOW_TITLE, f"{said} · {largest[0]}", keys, 320)
            _panel(canvas, whole, LEFT, 0, WIDTH - LEFT - RIGHT, 280, "課題数 / issues", 8)
            return canvas
        lines = -(-len(largest) // 3)
        canvas = Canvas(FLOW_TITLE, f"{said} · 全プロジェクト / all projects: {len(flows)}", keys, 240 + 185 * lines)
        _panel(canvas, whole, LEFT, 0, WIDTH - LEFT - RIGHT, 210, "課題数 / issues", 8)
        wide = (WIDTH - RIGHT - 3 * LEFT) / 3 + 8
        for place, project in enumerate(largest):
            left, top = LEFT + place % 3 * (wide + LEFT - 12), 270 + 185 * (place // 3)
            name = fit(f"{project} · {flows[project].iloc[-1].sum():,.0f}", wide, 11)
            part = flows[project]
            _panel(canvas, part.iloc[:: -max(1, len(part) // _SMALL_DAYS)].iloc[::-1], left, top, wide, 120, name, 3)
        return canvas

    return drawn(draw)


def _by_stage(rows: pd.DataFrame) -> pd.DataFrame:
    table = rows.pivot_table(index="day", columns="stage", values="issues", aggfunc="sum").sort_index()
    return table.reindex(columns=list(STAGES)).astype(float).fillna(0.0)


def _summed(flows: list[pd.DataFrame]) -> pd.DataFrame:
    every = sorted({day for flow in flows for day in flow.index})
    total = flows[0].reindex(every).ffill().fillna(0.0)
    for flow in flows[1:]:
        total = total + flow.reindex(every).ffill().fillna(0.0)
    return total


def _panel(canvas: Canvas, flow: pd.DataFrame, left: float, top: float, wide: float, high: float, name: str, ticks: int) -> None:
    axes = canvas.axes(left, top, wide, high, name)
    if len(flow) == 1:  # an area of one day would be a line
        flow = pd.concat([flow, flow]).set_axis([flow.index[0], flow.index[0] + pd.Timedelta(days=1)])
    x = days(flow.index.to_series()).to_numpy()
    layers = [0.0 * flow.iloc[:, 0], *(flow.cumsum(axis=1)[stage] for stage in STAGES)]
    for (low, high_), (_, _, colour) in zip(pairwise(layers), STAGES.values(), strict=True):
        axes.fill_between(x, low.to_numpy(), high_.to_numpy(), color=colour, linewidth=0)
    date_axis(axes, x[0], x[-1], ticks)
    count_axis(axes, float(layers[-1].max()), most=5 if high > 150 else 3)


def throughput(frame: pd.DataFrame) -> str:
    """Draw `week, created, done, reopened`; weeks that are not there are weeks in which nothing happened."""
    rows = frame.dropna(subset=["week"])
    if rows.empty:
        return empty(THROUGHPUT_TITLE)
    weeks = rows.groupby("week")[["created", "done", "reopened"]].sum().astype(float)
    every = [stamp.date() for stamp in pd.date_range(weeks.index.min(), weeks.index.max(), freq="7D")]
    weeks = weeks.reindex(every).fillna(0.0)
    mean = weeks["done"].rolling(4, min_periods=1).mean()
    total = weeks.sum()
    keys = [
        ("", STAGES["done"][2], f"完了 done: {total['done']:,.0f}"),
        ("-", INK, f"完了の4週平均 mean of 4 weeks: {mean.iloc[-1]:,.1f}"),
        ("-", "#D55E00", f"登録 created: {total['created']:,.0f}"),
        ("", "#CC79A7", f"再オープン reopened: {total['reopened']:,.0f}"),
    ]
    highest = _scale(weeks)
    said = f"月曜始まりの週 / weeks from Monday · {every[0]} – {every[-1]} · 最後の週は途中の場合あり / the last may not be over"

    def draw() -> Canvas:
        canvas = Canvas(THROUGHPUT_TITLE, said, keys, 320)
        axes = canvas.axes(LEFT, 0, WIDTH - LEFT - RIGHT, 280, "課題数 / issues")
        x = days(weeks.index.to_series()).to_numpy() + 3.5
        nothing = [0.0] * len(x)
        bars(axes, list(x), nothing, list(weeks["done"]), 5.6, STAGES["done"][2])
        bars(axes, list(x), nothing, list(-weeks["reopened"]), 5.6, "#CC79A7")
        axes.plot(x, weeks["created"].to_numpy(), color="#D55E00", linewidth=1.6, marker="o", markersize=3 if len(x) < 60 else 0)
        axes.plot(x, mean.to_numpy(), color=INK, linewidth=2.2)
        axes.axhline(0, color=INK, linewidth=0.8)
        date_axis(axes, x[0] - 4, x[-1] + 4, 8)
        count_axis(axes, highest, -float(weeks["reopened"].max()))
        high = [
            (at, number, colour)
            for name, colour in (("created", "#D55E00"), ("done", STAGES["done"][2]))
            for at, number in zip(x, weeks[name], strict=True)
            if number > highest
        ]
        for line, (at, number, colour) in enumerate(high):
            across = LEFT + (at - x[0] + 4) / (x[-1] - x[0] + 8) * (WIDTH - LEFT - RIGHT)
            side = 14 if across < WIDTH / 2 else -14
            canvas.text(
                across + side,
                canvas.top + 10 + 15 * line,
                f"↑ {number:,.0f}",
                11,
                colour=colour,
                ha="left" if side > 0 else "right",
            )
        return canvas

    return drawn(draw)


def _scale(weeks: pd.DataFrame) -> float:
    """Return the top of the axis: an import of many issues in a week or two would press all other weeks to the ground."""
    numbers = weeks[["created", "done"]].max(axis=1)
    typical = 2 * float(numbers.quantile(0.95))
    return typical if typical >= 1 and 1 <= (numbers > typical).sum() <= 2 else float(numbers.max())
