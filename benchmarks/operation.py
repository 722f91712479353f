"""The whole set-up at rest and in trouble: when it is ready, its memory, how soon an alert is sent,
what it writes in a day.

`python -m benchmarks.operation`, five minutes, on loopback only. A day is reckoned, not waited for:
what one tick and one run of a schedule write, times how often they come.
"""

import argparse
import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psutil
from sqlalchemy import Engine, text

from benchmarks.figures import Figure, expect_equal, show
from benchmarks.workshop import Home, control, home, ready, served
from pipelines.schedules import single_issues_request
from resources.warehouse.server.connect import engine, parse_url
from resources.warehouse.state.heartbeats import beat
from service.dagster_runs import Dagster
from simulator import SpawnedSimulator, spawn_simulator

READY_BOUND, MEMORY_BOUND, ALERT_BOUND, DAY_BOUND = 30.0, 1_000.0, 60.0, 20.0
#: New connections to PostgreSQL a second while nothing happens.
CONNECTIONS_BOUND = 5.0
#: The processes settle down after the start.
SETTLE_SECONDS = 45.0
PATIENCE = 120.0
#: How often a day each sensor that is on by default looks.
SENSORS = {
    "alerts": 2 * 60 * 24,
    "activity_feed": 2 * 60 * 24,
    "marts_after_loads": 30 * 24,
    "project_discovery": 4 * 24,
}
SENSOR_TICKS = sum(SENSORS.values())
SCHEDULE_TICKS = 1 + 4 + 2 + 1 + 1 + 1 + 24
#: How often in a day a job runs where nothing changes; a build of the marts follows the loads that
#: have written something.
RUNS = {"users": 1, "projects": 4, "count_reconciliation": 1, "housekeeping": 1, "marts": 4}
#: Access by OAuth is renewed every hour, by a run that like that of housekeeping has one step and
#: no table.
TOKENS = 24
#: Where people work, what they change is loaded by runs of their own: so many in a day in which it
#: never rests for five minutes.
CHANGED = 288
#: The issues schedule comes twice, the rolling refresh once; each writes less than a load of all
#: tables.
LOADS = 3
#: The alerter gives a sign of life twice a minute.
BEATS = 2 * 60 * 24
#: So many signs of life, and such a part of a day's ticks, show what one takes.
COPIES, PART = 2_000, 4


@dataclass
class Sink:
    """Takes messages as a webhook does, and knows when each came."""

    received: list[tuple[float, str]] = field(default_factory=list)
    url: str = ""


@contextmanager
def sink() -> Iterator[Sink]:
    """Give a receiver of messages on the loopback address."""
    made = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            made.received.append((time.monotonic(), json.loads(body)["text"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/hook"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()


@dataclass(frozen=True)
class Alerted(Home):
    """A home whose alerts go to a sink."""

    alerts: str = ""

    @property
    def variables(self) -> dict[str, str]:
        """What its processes read from the environment."""
        return {**super().variables, "BACKLOG_ALERT_SLACK_URL": self.alerts}


def operation() -> Iterator[Figure]:
    """Start everything on a simulated space of five projects, and measure."""
    group = "the whole set-up, 5 projects, 600 issues"
    with (
        spawn_simulator(projects=5, issues=600) as simulator,
        home(simulator) as plain,
        sink() as alerts,
    ):
        place = Alerted(plain.folder, simulator, alerts.url)
        place.load()
        began = time.monotonic()
        with served(place):
            status = ready(place)
            yield Figure(
                group, "ready: UI and service answer", time.monotonic() - began, "s", READY_BOUND
            )
            time.sleep(SETTLE_SECONDS)
            yield Figure(
                group, "memory at rest, shared pages once", _memory(place), "MB", MEMORY_BOUND
            )
            dagster = Dagster(status["dagster"]["url"], "backlog_elt")
            warehouse = engine(status["warehouse"]["url"])
            before = _sessions(warehouse)
            time.sleep(SETTLE_SECONDS)
            opened = (_sessions(warehouse) - before) / SETTLE_SECONDS
            yield Figure(group, "new connections at rest", opened, "a second", CONNECTIONS_BOUND)
            storage = engine(
                parse_url(status["warehouse"]["url"])
                .set(database="dagster")
                .render_as_string(hide_password=False)
            )
            yield from _alerted(group, simulator, dagster, alerts)
            yield from _day(group, place, dagster, storage, warehouse)
            storage.dispose()
            warehouse.dispose()


def _memory(place: Home) -> float:
    """Return the memory of all processes of the deployment in MB, what they share counted once
    (proportional set size).
    """
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            mine = process.environ().get("BACKLOG_ELT_HOME") == str(place.folder)
            if mine or str(place.folder) in " ".join(process.cmdline()):
                found |= {one.pid: one for one in (process, *process.children(recursive=True))}
    total = 0
    for process in found.values():
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 1e6


def _run(dagster: Dagster, job: str) -> None:
    async def launched() -> None:
        connection = Dagster(dagster.url, "backlog_elt")
        config: Mapping[str, Any] = {}
        tags: Mapping[str, str] = {}
        if job == "targeted_sync":
            request = single_issues_request((await connection.partitions()).projects, "targeted")
            config, tags = request.run_config, request.tags
        await connection.launch(job, config, tags)
        end = time.monotonic() + PATIENCE
        while True:
            await asyncio.sleep(0.5)
            if job not in {run.job for run in await connection.active()}:
                break
            if time.monotonic() > end:
                raise RuntimeError(f"the run of {job} does not end")
        await connection.close()

    asyncio.run(launched())


def _alerted(
    group: str, simulator: SpawnedSimulator, dagster: Dagster, alerts: Sink
) -> Iterator[Figure]:
    control(simulator, "/faults", [{"status": 401, "path": "/.*", "times": None}])
    _run(dagster, "users")
    failed = time.monotonic()
    while not alerts.received and time.monotonic() < failed + PATIENCE:
        time.sleep(0.1)
    yield Figure(
        group,
        "from the end of a run that failed to the message",
        max(alerts.received[0][0] - failed, 0),
        "s",
        ALERT_BOUND,
    )
    _run(dagster, "users")
    time.sleep(ALERT_BOUND)
    failures = [said for _, said in alerts.received if "failed: raw/users" in said]
    expect_equal("messages about two runs that failed for one reason", len(failures), 1)
    control(simulator, "/faults", method="DELETE")
    _run(dagster, "users")
    time.sleep(ALERT_BOUND)
    expect_equal(
        "messages that it is well again",
        sum("recovered: raw/users" in said for _, said in alerts.received),
        1,
    )


def _day(
    group: str, place: Home, dagster: Dagster, storage: Engine, warehouse: Engine
) -> Iterator[Figure]:
    """Reckon a day, in Dagster's database and in the warehouse's log of the program's own work
    (schema `ops`).

    That log grows by pages of 8 kB, so that a run that writes one row shows nothing or a whole
    page.
    """
    events, log, each = 0.0, 0.0, {}
    kinds: list[tuple[str, float, Callable[[], object]]] = [
        (f"a run of {job}", times, partial(_run, dagster, job))
        for job, times in (RUNS | {"targeted_sync": 0}).items()
    ]
    kinds.append(("a load of all tables", LOADS, place.load))
    for name, times, work in kinds:
        grown, logged = yield from _grown(group, name, storage, warehouse, work)
        events, log, each[name] = events + times * grown, log + times * logged, grown + logged
    before = ops_size(warehouse)
    for _ in range(COPIES):
        beat(warehouse, "benchmark", {"open": 0})
    beats = (ops_size(warehouse) - before) / COPIES * BEATS
    log += beats
    yield Figure(group, "signs of life of a day, ops of the warehouse", beats / 1e6, "MB")
    # The last: what it adds and takes back is given back by PostgreSQL at some later time, which
    # the figures above would show.
    ticks = tick_bytes(storage) * (SENSOR_TICKS + SCHEDULE_TICKS)
    events += ticks
    yield Figure(
        group,
        "ticks of a day, of which those without a run are kept for one day",
        ticks / 1e6,
        "MB",
    )
    renewals = TOKENS * each["a run of housekeeping"]
    events += renewals
    yield Figure(
        group, f"{TOKENS} runs of tokens, which there are with OAuth", renewals / 1e6, "MB"
    )
    yield Figure(group, "written in a day, Dagster", events / 1e6, "MB")
    yield Figure(group, "written in a day, ops of the warehouse", log / 1e6, "MB")
    yield Figure(
        group, "written in a day at the default cadence", (events + log) / 1e6, "MB", DAY_BOUND
    )
    changes = CHANGED * each["a run of targeted_sync"]
    yield Figure(
        group,
        f"in addition, where people work: {CHANGED} runs of targeted_sync, kept for 3 days",
        changes / 1e6,
        "MB",
    )


def _grown(
    group: str, name: str, storage: Engine, warehouse: Engine, work: Callable[[], object]
) -> Generator[Figure, None, tuple[int, int]]:
    """Do something, yield what it has written into both databases, and return that in bytes."""
    before = size(storage), ops_size(warehouse)
    work()
    grown, logged = size(storage) - before[0], ops_size(warehouse) - before[1]
    yield Figure(group, f"{name}, Dagster", grown / 1e6, "MB")
    yield Figure(group, f"{name}, ops of the warehouse", logged / 1e6, "MB")
    return grown, logged


def tick_bytes(storage: Engine) -> float:
    """Return what a tick that requests nothing takes, with its indexes: by the growth of the table
    with many more of them.

    It is the mean over the sensors, each as often as it looks: what they remember and say differs
    in length.
    """
    columns = (
        "job_origin_id, selector_id, status, type, timestamp, tick_body, "
        "create_timestamp, update_timestamp"
    )
    last = (
        "SELECT * FROM job_ticks WHERE status = 'SKIPPED' AND tick_body::json ->> 'job_name' = "
        ":name ORDER BY id DESC LIMIT 1"
    )
    copy = text(
        f"INSERT INTO job_ticks ({columns}) SELECT {columns} FROM ({last}) AS one, "
        "generate_series(1, :copies)"
    )
    copied = 0
    with storage.connect() as connection, connection.begin() as transaction:
        before = connection.execute(text("SELECT pg_total_relation_size('job_ticks')")).scalar_one()
        for name, times in SENSORS.items():
            rows = connection.execute(copy, {"name": name, "copies": times // PART}).rowcount
            expect_equal(f"copies of a tick of {name}", rows, times // PART)
            copied += rows
        after = connection.execute(text("SELECT pg_total_relation_size('job_ticks')")).scalar_one()
        transaction.rollback()
    return float(after - before) / copied


def _sessions(server: Engine) -> int:
    """Return how many connections the server has taken so far, to all its databases."""
    with server.connect() as connection:
        query = text("SELECT sum(sessions) FROM pg_stat_database")
        return int(connection.execute(query).scalar_one())


def size(storage: Engine) -> int:
    """Return the bytes that a database takes."""
    with storage.connect() as connection:
        return int(
            connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        )


def ops_size(warehouse: Engine) -> int:
    """Return the bytes that the warehouse's schema `ops` takes, indexes included."""
    query = (
        "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class AS c "
        "JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = "
        "'ops' AND c.relkind = 'r'"
    )
    with warehouse.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    sys.exit(show([operation()], as_json=parser.parse_args().json))
