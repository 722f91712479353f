"""The promises of the report as figures: how long it takes to write, how large it is, how soon it
opens and follows a filter.

Part of `python benchmarks/marts.py`, which has a warehouse of 100,000 issues.
"""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from assets.marts.report import report
from benchmarks.figures import Figure
from tests.browser import running_chromium

WRITTEN_BOUND, SIZE_BOUND, OPEN_BOUND, FILTER_BOUND = 20.0, 10.0, 3.0, 200.0
#: Choose something in a filter, and return the milliseconds until what is on the screen has
#: followed.
CHOOSE = """async ([id, value]) => {
  const began = performance.now(), before = document.body.dataset.insight,
    field = document.getElementById(id);
  field.value = value;
  field.dispatchEvent(new Event("change"));
  while (document.body.dataset.insight === before) await new Promise(resolve =>
    setTimeout(resolve));
  return performance.now() - began;
}"""
CHOICES = [
    ("project", "1"),
    ("type", "1"),
    ("project", ""),
    ("type", ""),
    ("team", "1"),
    ("team", ""),
    ("person", "3"),
    ("person", ""),
    ("period", "52"),
    ("period", "26"),
]


def reported(made: Engine, group: str, folder: Path) -> Iterator[Figure]:
    """Write the report of a warehouse, open it in Chromium, and choose in its filters."""
    began = time.perf_counter()
    page = report(made, ZoneInfo("Asia/Tokyo"))
    yield Figure(group, "report written", time.perf_counter() - began, "s", WRITTEN_BOUND)
    file = folder / "report.html"
    file.write_text(page, encoding="utf-8")
    yield Figure(group, "report, size", file.stat().st_size / 1e6, "MB", SIZE_BOUND)
    with running_chromium() as chromium, chromium.window(1600, 1000) as window:
        began = time.perf_counter()
        window.goto(file.as_uri())
        window.locator("body[data-insight]").wait_for()
        yield Figure(
            group,
            "report opened in Chromium, its first screen drawn",
            time.perf_counter() - began,
            "s",
            OPEN_BOUND,
        )
        window.locator("body[data-drawing=no]").wait_for()
        took = []
        for choice in CHOICES:
            took.append(window.evaluate(CHOOSE, list(choice)))
            window.locator("body[data-drawing=no]").wait_for()
        yield Figure(
            group, "filter of the report, median", statistics.median(took), "ms", FILTER_BOUND
        )
        yield Figure(group, "filter of the report, slowest", max(took), "ms", FILTER_BOUND)
