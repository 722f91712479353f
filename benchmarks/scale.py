"""Many projects and months: `python -m benchmarks.scale` (a quarter of an hour).

300 projects and 120 months are 36,000 partitions of each of three tables. How long does the first
load take to record them, how soon does the Dagster UI show them, and what does a backfill of
everything cost that somebody starts there? The space has few issues and answers at once.
"""

import argparse
import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

from benchmarks.figures import Figure, expect_equal, show
from benchmarks.workshop import Home, counted, ready, scratch, served
from simulator import SpawnedSimulator, spawn_simulator
from tests.browser import running_chromium

PROJECTS, ISSUES, FIRST_MONTH = 300, 3_000, "2016-12"
#: Seconds until the page shows the state of all partitions.
PAGE_BOUND = 5.0
#: Searches of a backfill of everything: for each month one pass and one count for each hundred
#: projects, more for archived ones.
SEARCHES_A_MONTH_BOUND = 10
TABLES = ("issues", "comments", "issue_changes")
LAUNCH = (
    "mutation($p: LaunchBackfillParams!) {launchPartitionBackfill(backfillParams: $p) {... on "
    "LaunchBackfillSuccess {backfillId}}}"
)
STATUS = (
    "query($b: String!) {partitionBackfillOrError(backfillId: $b) {... on "
    "PartitionBackfill {status}}}"
)
PATIENCE_SECONDS = 3_600


class LongKept(Home):
    """A deployment whose partitions begin long ago."""

    @property
    def variables(self) -> dict[str, str]:
        """What its processes read from the environment."""
        return {**super().variables, "BACKLOG_HISTORY_START": FIRST_MONTH}


def scale(projects: int, issues: int) -> Iterator[Figure]:
    """Load a space of many projects, look at its partitions in Chromium, and backfill all
    of them.
    """
    group = f"{projects} projects, months from {FIRST_MONTH} on, {issues:,} issues"
    with (
        spawn_simulator(projects=projects, issues=issues, limits="none") as simulator,
        scratch() as folder,
    ):
        place = LongKept(folder, simulator)
        first, again = place.load(), place.load()
        yield Figure(group, "first load", first.seconds, "s")
        yield Figure(group, "first load, peak memory of the command", first.peak_mb, "MB")
        yield Figure(
            group, "load with nothing to do, all lists of all projects included", again.seconds, "s"
        )
        with served(place):
            url = ready(place)["dagster"]["url"]
            yield from _page(group, url)
            yield from _backfill(group, url, simulator, place)


def _page(group: str, url: str) -> Iterator[Figure]:
    with running_chromium() as chromium, chromium.window(1600, 1000) as window:
        window.goto(url)  # the program of the UI, which a browser keeps
        window.wait_for_load_state("networkidle")
        began = time.perf_counter()
        window.goto(f"{url}/assets/raw/issues?view=partitions")
        shown = window.get_by_text("Materialized (")
        shown.wait_for()
        yield Figure(
            group,
            "page of the partitions of raw/issues, in Chromium",
            time.perf_counter() - began,
            "s",
            PAGE_BOUND,
        )
        yield Figure(
            group, "partitions of it", int("".join(filter(str.isdigit, shown.inner_text()))), ""
        )


def _backfill(group: str, url: str, simulator: SpawnedSimulator, place: Home) -> Iterator[Figure]:
    began = time.monotonic()
    with counted(simulator) as requests:
        chosen = {
            "assetSelection": [{"path": ["raw", table]} for table in TABLES],
            "allPartitions": True,
        }
        backfill = _ask(url, LAUNCH, p=chosen)["launchPartitionBackfill"]["backfillId"]
        yield Figure(group, "backfill of everything, launched", time.monotonic() - began, "s")
        while (status := _ask(url, STATUS, b=backfill)["partitionBackfillOrError"]["status"]) in (
            "REQUESTED",
            "COMPLETING",
        ):
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise RuntimeError(
                    f"the backfill has not ended within {PATIENCE_SECONDS / 3_600:.0f} h"
                )
            time.sleep(2)
    expect_equal("the backfill", status, "COMPLETED_SUCCESS")
    yield Figure(group, "backfill of everything, ended", time.monotonic() - began, "s")
    yield Figure(
        group,
        "searches of it, a month",
        requests["search"] / _months(),
        "requests",
        SEARCHES_A_MONTH_BOUND,
    )
    yield Figure(group, "reads of it", requests["read"], "requests")
    verified = place.python("pipelines", "verify", "--json").found
    expect_equal("the issues of all projects", verified["status"], "equal")


def _months() -> int:
    year, month = map(int, FIRST_MONTH.split("-"))
    now = time.localtime()
    return (now.tm_year - year) * 12 + now.tm_mon - month + 1


def _ask(url: str, query: str, **variables: Any) -> dict[str, Any]:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(  # noqa: S310 - our own http URL
        f"{url}/graphql", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310 - our own http URL
        found: dict[str, Any] = json.load(answer)["data"]
        return found


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--projects", type=int, default=PROJECTS)
    parser.add_argument("--issues", type=int, default=ISSUES)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    return show([scale(chosen.projects, chosen.issues)], as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
