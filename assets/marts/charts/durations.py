"""How long issues take: cycle times of done issues, ages of those in progress."""

import numpy as np
import pandas as pd

from assets.marts.charts.canvas import (
    LEFT,
    RIGHT,
    WIDTH,
    Canvas,
    apart,
    date_axis,
    days,
    dots,
    drawn,
    duration_axis,
    empty,
)
from assets.marts.charts.words import INK, MINUTE, QUIET, RISKS, STAGES, duration, fit

CYCLE_TITLE = "サイクルタイム / Cycle time"
AGEING_TITLE = "仕掛中の課題の経過時間 / Ageing of work in progress"
#: Dots drawn at most. Percentiles are always of all issues.
MOST_DOTS = 2_000
PERCENTILES = (50, 85, 95)
#: Statuses that ageing work is drawn in at most, and issues named in each.
STATUSES_SHOWN, NAMED = 7, 4
_SIDE = 118


def cycle_times(frame: pd.DataFrame) -> str:
    """Draw `done_at, cycle_seconds`, one dot for each issue; of more than `MOST_DOTS`, every n-th by the time when it was done."""
    rows = frame.dropna(subset=["done_at", "cycle_seconds"]).sort_values(["done_at", "cycle_seconds"])
    if rows.empty:
        return empty(CYCLE_TITLE)
    seconds = rows["cycle_seconds"].astype(float).clip(lower=MINUTE)
    lines = [float(np.percentile(seconds, share)) for share in PERCENTILES]
    step = -(-len(rows) // MOST_DOTS)
    shown = f"{len(rows):,}" if step == 1 else f"{len(rows):,} · {step}件ごとに1点 / one dot in {step}"
    said = f"着手から完了まで、完了した時点で / from started to done, where it was done · 課題 issues: {shown}"
    keys = [
        ("o", STAGES["review"][2], "完了した課題 / done issue"),
        ("-", "#D55E00", "この割合の課題がこの時間以内 / share of issues that took no longer"),
    ]

    def draw() -> Canvas:
        canvas = Canvas(CYCLE_TITLE, said, keys, 360)
        left, wide, high = LEFT + 16, WIDTH - LEFT - 16 - _SIDE, 320
        axes = canvas.axes(left, 0, wide, high, "サイクルタイム(対数目盛) / cycle time, logarithmic")
        first, last = days(rows["done_at"].iloc[[0, -1]])
        duration_axis(axes, float(seconds.min()), float(seconds.max()))
        span = max(last - first, 1.0)
        date_axis(axes, first - span / 80, last + span / 80, 7)
        x, y = days(rows["done_at"].iloc[::step]).to_numpy(), seconds.to_numpy()[::step]
        dots(axes, x, y, STAGES["review"][2], 6.0 if len(rows) < 800 else 4.5)
        low, top = np.log(axes.get_ylim())
        places = [float(high * (np.log(line) - low) / (top - low)) for line in lines]
        for share, line, place in zip(PERCENTILES, lines, apart(places, 15), strict=True):
            axes.axhline(line, color="#D55E00", linewidth=1.4, linestyle="--" if share == 50 else "-", alpha=0.9)
            canvas.text(left + wide + 6, canvas.top + high - place + 4, f"{share} %: {duration(line)}", 12)
        return canvas

    return drawn(draw)


def ageing(frame: pd.DataFrame) -> str:
    """Draw `issue_key, stage, status, age_seconds, risk`, one mark for each issue, the `MOST_DOTS` oldest; name the oldest."""
    rows = frame.dropna(subset=["age_seconds", "status"]).sort_values(["age_seconds", "issue_key"], ascending=[False, True])
    if rows.empty:
        return empty(AGEING_TITLE)
    rows = rows.assign(
        age=rows["age_seconds"].astype(float).clip(lower=MINUTE),
        risk=rows["risk"].where(rows["risk"].isin(list(RISKS)), "unknown"),
        order=rows["stage"].map({stage: place for place, stage in enumerate(reversed(STAGES))}).fillna(len(STAGES)),
    )
    numbers = rows["risk"].value_counts()
    keys = [(shape, colour, f"{ja} {en}: {numbers.get(risk, 0):,}") for risk, (ja, en, colour, shape) in RISKS.items()]
    sizes = rows.groupby("status").agg(issues=("age", "size"), order=("order", "min"))
    kept = sizes.sort_values(["issues"], ascending=False, kind="stable").head(STATUSES_SHOWN).sort_values("order", kind="stable")
    hidden = "" if len(kept) == len(sizes) else f" · 多い{len(kept)}ステータス / the {len(kept)} largest of {len(sizes)} statuses"
    said = f"最後の着手から / since last started · 課題 issues: {len(rows):,}{hidden} · 色と形はリスク / colour and shape: risk"

    def draw() -> Canvas:
        canvas = Canvas(AGEING_TITLE, said, keys, 400)
        left, wide, high = LEFT + 16, WIDTH - LEFT - 16 - RIGHT, 340
        axes = canvas.axes(left, 0, wide, high, "経過時間(対数目盛) / age, logarithmic")
        duration_axis(axes, float(rows["age"].min()), float(rows["age"].max()))
        axes.set_xlim(0, len(kept))
        axes.set_xticks([])
        column, low, top = wide / len(kept), *np.log(axes.get_ylim())
        for place, status in enumerate(kept.index):
            part = rows.head(MOST_DOTS).query("status == @status")
            middle = left + column * (place + 0.5)
            canvas.text(middle, canvas.top + high + 20, fit(status, column - 10, 12), 12, ha="center")
            canvas.text(middle, canvas.top + high + 37, f"{kept['issues'].iloc[place]:,}", 11, colour=QUIET, ha="center")
            if place:
                axes.axvline(place, color=QUIET, linewidth=0.6, alpha=0.4)
            room = min(0.6, 1 - 90 / column, 260 / column)  # the names stand at the right of the marks
            x = place + 0.06 + room * (np.arange(len(part)) * 0.618034 % 1)
            for risk, (_, _, colour, shape) in reversed(RISKS.items()):
                chosen = (part["risk"] == risk).to_numpy()
                axes.plot(x[chosen], part["age"].to_numpy()[chosen], shape, color=colour, markersize=5.5, alpha=0.75, mew=0)
            named = part.head(NAMED)
            heights = [high * (np.log(age) - low) / (top - low) for age in named["age"]]
            lowered = [-height for height in apart([-height for height in heights], 14)]
            for key, height in zip(named["issue_key"], lowered, strict=True):
                start = left + column * (place + 0.06 + room) + 8
                text = fit(key, left + column * (place + 1) - start, 11)
                canvas.text(start, canvas.top + high - height + 4, text, 11, colour=INK)
        return canvas

    return drawn(draw)
