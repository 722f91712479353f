"""One run, one table: `make bench-peers`, or `python -m benchmarks.peers --help`."""

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime

from benchmarks.peers.contest import Work, contest
from benchmarks.peers.contestants import CONTESTANTS
from benchmarks.peers.environments import ROOT

DOCUMENT, PICTURE = ROOT / "docs" / "performance.md", ROOT / "docs" / "images" / "peers.svg"
BEGIN, END = "<!-- from here on written by make bench-peers -->", "<!-- to here -->"
BOTH = ("issues", "comments")
#: Milliseconds that a real space takes for an answer.
SLOW = 100


def main() -> int:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.peers", description="Compare ways to copy a Backlog space into PostgreSQL."
    )
    parser.add_argument(
        "--issues",
        type=int,
        default=20_000,
        metavar="N",
        help="issues alone: so many (20,000; 0: not at all)",
    )
    parser.add_argument(
        "--with-comments",
        type=int,
        default=2_000,
        metavar="N",
        help="issues with comments: so many (2,000)",
    )
    parser.add_argument(
        "--slow",
        type=int,
        default=600,
        metavar="N",
        help=f"with comments, {SLOW} ms an answer: so many (600)",
    )
    full = "also 20,000 and 100,000 issues, and 10,000 with comments (hours)"
    parser.add_argument("--full", action="store_true", help=full)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds (3)")
    parser.add_argument(
        "--only",
        action="append",
        choices=[one.name for one in CONTESTANTS],
        help="only this one; may be repeated",
    )
    parser.add_argument(
        "--json", action="store_true", help="print all turns as JSON instead of tables"
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="write the tables into docs/performance.md, and the chart next to it",
    )
    options = parser.parse_args()
    works = [Work(options.issues), Work(options.with_comments, BOTH)]
    if options.full:
        works = [Work(20_000), Work(100_000), Work(10_000, BOTH)]
    works.insert(0, Work(options.slow, BOTH, SLOW))  # first in tables and chart: like a real space
    chosen = [one for one in CONTESTANTS if one.name in (options.only or [one.name])]
    turns = list(contest([work for work in works if work.issues], chosen, options.rounds))
    if options.json:
        print(json.dumps([turn.as_json() for turn in turns]))
        return 0
    from benchmarks.peers.table import (
        chart,
        document,
    )  # after the contest: a child's peak of memory starts from its parent's

    machine = (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    tables = document(turns, machine)
    print(tables)
    if options.write:
        before, _, rest = DOCUMENT.read_text().partition(BEGIN)
        image = (
            "![Seconds of three syncs, and wrong rows after a day, of each "
            f"way]({PICTURE.relative_to(DOCUMENT.parent)})"
        )
        DOCUMENT.write_text(
            f"{before}{BEGIN}\n\n{image}\n\n{tables}\n{END}{rest.partition(END)[2]}"
        )
        PICTURE.write_text(chart(turns))
    return 0


if __name__ == "__main__":
    sys.exit(main())
