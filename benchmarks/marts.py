"""The promises of the marts as figures: a whole build, a build after some changes, the queries of
`docs/bi.md`, and the report.

`python -m benchmarks.marts` takes five to ten minutes, `--quick` one to two with a tenth of the
rows, `--issues 1000000` an hour and 30 GB of disk. Seconds have bounds up to 100,000 issues.
"""

import argparse
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from sqlalchemy import Engine, text

from assets.marts.build import MODELS
from benchmarks.figures import Figure, expect_equal, show
from benchmarks.report import reported
from benchmarks.workshop import scratch
from pipelines.cli.in_process import QUIET
from pipelines.definitions import build_definitions
from resources.warehouse.server import embedded
from resources.warehouse.server.connect import engine
from resources.warehouse.server.grants import grant_bi
from resources.warehouse.server.migrations import upgrade
from resources.warehouse.warehouse_resource import WarehouseResource

HERE = Path(__file__).resolve().parent
QUERY = re.compile(r"^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ISSUES, CHANGES, PROJECTS, CHANGED, ROUNDS = 100_000, 1_000_000, 20, 100, 20
WHOLE_BOUND, AFTER_BOUND, QUERY_BOUND = 150.0, 15.0, 200.0
#: An issue by itself costs more than in a whole build; far more where the planner takes many for
#: few.
ALL_BOUND = 2.0

TOUCH = """
INSERT INTO raw.issue_changes SELECT (jsonb_populate_record(c, jsonb_build_object(
    'comment_id', c.comment_id + 90, 'created_at', c.created_at + interval '1 day', 'loaded_at',
        clock_timestamp()
))).* FROM raw.issue_changes AS c WHERE c.field = 'actual_hours' AND c.new_value = '6'
    AND c.issue_id <= :changed;
UPDATE raw.issues SET summary = summary || '!', loaded_at = clock_timestamp() WHERE id <= :changed;
"""


def marts(issues: int) -> Iterator[Figure]:
    """Fill a warehouse, build the marts whole and again after some changes, and ask the queries."""
    changes = issues * (CHANGES // ISSUES)
    group = f"{issues:,} issues, {changes:,} changes"
    with scratch() as folder:
        url = embedded.ensure_server(folder).url(embedded.WAREHOUSE)
        made = engine(url)
        upgrade(made)
        _fill(made, issues, changes)
        whole = _built(url)
        yield Figure(group, "whole build", whole, "s", WHOLE_BOUND if issues <= ISSUES else None)
        with made.begin() as connection:
            before = connection.execute(
                text("SELECT pg_current_xact_id()::text::bigint")
            ).scalar_one()
            connection.execute(text(TOUCH), {"changed": CHANGED})
        name = f"build after {CHANGED} changed issues, start of dbt included"
        yield Figure(
            group, name, _built(url, seeds=False), "s", AFTER_BOUND if issues <= ISSUES else None
        )
        with made.connect() as connection:
            rebuilt = connection.execute(
                text("SELECT count(*) FROM mart.issue WHERE xmin::text::bigint > :before"),
                {"before": before},
            ).scalar_one()
            summaries = connection.execute(
                text("SELECT count(*) FROM mart.issue WHERE summary LIKE '%!'")
            ).scalar_one()
        expect_equal("issues that were built anew", (rebuilt, summaries), (CHANGED, CHANGED))
        reader = engine(grant_bi(made, "backlog_bi", None).url)
        slowest = sorted(_asked(reader), key=lambda one: one[1])
        reader.dispose()
        yield Figure(
            group,
            "slowest of the fifty queries, 95th percentile",
            slowest[-1][1],
            "ms",
            QUERY_BOUND,
        )
        yield Figure(
            group,
            "median of the fifty queries, 95th percentile",
            slowest[len(slowest) // 2][1],
            "ms",
        )
        for number, milliseconds in reversed(slowest):
            print(f"query {number}: {milliseconds:.0f} ms", file=sys.stderr)
        yield from reported(made, group, folder)
        with made.begin() as connection:
            connection.execute(text("UPDATE raw.issues SET loaded_at = clock_timestamp()"))
        name = "build after all issues were read again, next to a whole one"
        yield Figure(group, name, _built(url, seeds=False) / whole, "times", ALL_BOUND)
        made.dispose()


def _fill(made: Engine, issues: int, changes: int) -> None:
    script = (HERE / "marts_history.sql").read_text(encoding="utf-8")
    for name, value in {":issues": issues, ":changes": changes, ":projects": PROJECTS}.items():
        script = script.replace(name, str(value))
    with made.begin() as connection:
        connection.exec_driver_sql(script.replace("%", "%%"))
    with made.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _built(url: str, *, seeds: bool = True) -> float:
    """Build as the sensor asks for it: without seeds where the project has not changed since the
    last build.
    """
    job = build_definitions({"warehouse": WarehouseResource(url=url)}).resolve_job_def("marts")
    chosen = None if seeds else [*MODELS]
    with dg.DagsterInstance.ephemeral() as instance:
        began = time.monotonic()
        done = job.execute_in_process(run_config=QUIET, instance=instance, asset_selection=chosen)
    expect_equal("build of the marts", done.success, True)
    return time.monotonic() - began


def _asked(reader: Engine) -> Iterator[tuple[int, float]]:
    """Yield the number of each query and its 95th percentile in milliseconds, rows fetched, as a BI
    tool asks it.
    """
    page = (HERE.parent / "docs" / "bi.md").read_text(encoding="utf-8")
    with reader.connect() as connection:
        for number, query in enumerate(QUERY.findall(page), 1):
            times = []
            for _ in range(ROUNDS):
                began = time.monotonic()
                connection.exec_driver_sql(
                    query, execution_options={"no_parameters": True}
                ).fetchall()
                times.append((time.monotonic() - began) * 1_000)
            yield number, sorted(times)[-2]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--issues", type=int, default=ISSUES)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    sys.exit(show([marts(chosen.issues // (10 if chosen.quick else 1))], as_json=chosen.json))
