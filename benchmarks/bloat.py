"""What a month of changes leaves behind in PostgreSQL: `python -m benchmarks.bloat` (a quarter of
an hour).

Each day some issues are edited, moved on, commented on, made and deleted; then come a load and a
build of the marts. The server's own vacuum looks each second, not each minute, so that a day of it
is some seconds. In the end each table is written anew: what it needs less then is bloat.
"""

import argparse
import sys
import time
from collections.abc import Iterator

from sqlalchemy import Connection, text

from benchmarks.figures import Figure, expect_equal, show
from benchmarks.peers.changes import a_day, editable
from benchmarks.workshop import home
from resources.warehouse.server import embedded
from resources.warehouse.server.connect import engine
from simulator import spawn_simulator

ISSUES, DAYS = 5_000, 30
#: How long a day of the space is: the calendar's month must not end meanwhile, since partitions go
#: by the clock of this machine.
DAY_SECONDS = 300
#: Seconds that the server has for its vacuum, each day.
REST_SECONDS = 5
BOUND = 20.0
#: Of small tables a page more or less is a large share.
LEAST_BYTES = 1_000_000

_SIZES = text("""
SELECT c.oid::regclass::text AS name, pg_table_size(c.oid) AS heap, pg_indexes_size(c.oid) AS
    indexes
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
""")


def bloat(issues: int, days: int) -> Iterator[Figure]:
    """Let days pass in a space, and measure what they leave behind."""
    group = f"{issues:,} issues, {days} days"
    with spawn_simulator(issues=issues, limits="none") as simulator, home(simulator) as place:
        place.load()
        place.python("pipelines", "marts")
        server = engine(
            embedded.ensure_server(place.folder).url(embedded.WAREHOUSE)
        ).execution_options(isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(text("ALTER SYSTEM SET autovacuum_naptime = '1s'"))
            connection.execute(text("SELECT pg_reload_conf()"))
            for day in range(days):
                there = editable(simulator)
                # Other issues each day.
                start = day * 101 % len(there)
                a_day(simulator, there[start:] + there[:start], DAY_SECONDS)
                place.load()
                place.python("pipelines", "marts")
                time.sleep(REST_SECONDS)
                print(f"day {day + 1} of {days}", file=sys.stderr)
            before = _sizes(connection)
            for name in before:
                connection.execute(text(f"VACUUM FULL {name}"))
            after = _sizes(connection)
        server.dispose()
        expect_equal(
            "the copy", place.python("pipelines", "verify", "--json").found["status"], "equal"
        )
    for place_of, what in enumerate(("tables", "indexes")):
        sums = [sum(size[place_of] for size in sizes.values()) for sizes in (before, after)]
        yield Figure(group, f"{what}, written anew", sums[1] / 1e6, "MB")
        yield Figure(
            group, f"{what}, larger by", _more(*sums), "%", BOUND if what == "tables" else None
        )
    for name, (heap, _) in sorted(after.items()):
        if before[name][0] > LEAST_BYTES:
            yield Figure(group, f"{name}, larger by", _more(before[name][0], heap), "%")


def _sizes(connection: Connection) -> dict[str, tuple[int, int]]:
    return {name: (heap, indexes) for name, heap, indexes in connection.execute(_SIZES)}


def _more(now: int, least: int) -> float:
    return (now / least - 1) * 100


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--issues", type=int, default=ISSUES)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    sys.exit(show([bloat(chosen.issues, chosen.days)], as_json=chosen.json))
