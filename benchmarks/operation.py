"""The whole set-up at rest and in trouble: when it is ready, its memory, how soon a failure is told, what it writes in a day.

`python -m benchmarks.operation`, five minutes, on loopback only. A day is reckoned, not waited for: what one tick and one run of a
schedule write, times how often they come.

Add here: a figure of the running set-up. Keep out: the service under load (`service.py`).
"""

import argparse
import asyncio
import json
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psutil
from sqlalchemy import Engine, text

from benchmarks.figures import Figure, expect_equal, show
from benchmarks.workshop import Home, control, home, served
from resources.simulator import SpawnedSimulator, spawn_simulator
from resources.warehouse.connect import engine, parse_url
from service.dagster_runs import Dagster

READY_BOUND, MEMORY_BOUND, TOLD_BOUND, DAY_BOUND = 30.0, 1_000.0, 60.0, 20.0
#: The processes settle down after the start.
SETTLE_SECONDS = 45.0
PATIENCE = 120.0
#: Three sensors look twice a minute, one every minute, and one every quarter of an hour.
SENSOR_TICKS = (3 * 2 * 60 + 60 + 4) * 24
SCHEDULE_TICKS = 1 + 4 + 2 + 1 + 1 + 1 + 24
#: How often in a day a job runs where nobody changes anything; a build of the marts follows the loads that have written something.
RUNS = {"users": 1, "projects": 4, "census": 1, "housekeeping": 1, "marts": 4}
#: The issues schedule comes twice, the nightly pass once; each writes less than a load of all tables.
LOADS = 3
#: So many ticks show what one takes.
COPIES = 2_000


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

    told: str = ""

    @property
    def variables(self) -> dict[str, str]:
        """What its processes read from the environment."""
        return {**super().variables, "BACKLOG_ALERT_SLACK_URL": self.told}


def operation() -> Iterator[Figure]:
    """Start everything on a simulated space of five projects, and measure."""
    group = "the whole set-up, 5 projects, 600 issues"
    with spawn_simulator(projects=5, issues=600) as simulator, home(simulator) as plain, sink() as told:
        place = Alerted(plain.folder, simulator, told.url)
        place.load()
        began = time.monotonic()
        with served(place):
            status = _ready(place)
            yield Figure(group, "ready: UI and service answer", time.monotonic() - began, "s", READY_BOUND)
            time.sleep(SETTLE_SECONDS)
            yield Figure(group, "memory at rest, shared pages once", _memory(place), "MB", MEMORY_BOUND)
            dagster = Dagster(status["dagster"]["url"], "backlog_elt")
            yield from _told(group, simulator, dagster, told)
            storage = engine(parse_url(status["warehouse"]["url"]).set(database="dagster").render_as_string(hide_password=False))
            yield from _day(group, place, dagster, storage)
            storage.dispose()


def _ready(place: Home) -> dict[str, Any]:
    end = time.monotonic() + PATIENCE
    runtime = place.folder / "runtime.json"
    while time.monotonic() < end:
        with suppress(OSError, ValueError, KeyError):
            found = json.loads(runtime.read_text())
            for url in (f"{found['dagster_url']}/server_info", f"{found['service_url']}/healthz"):
                urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - our own http URL
            status: dict[str, Any] = place.python("pipelines", "status", "--json").found
            return status
        time.sleep(0.1)
    raise RuntimeError(f"not ready within {PATIENCE:.0f} s: {(place.folder / 'up.log').read_text()[-2_000:]}")


def _memory(place: Home) -> float:
    """Return the memory of all processes of the deployment in MB, what they share counted once (proportional set size)."""
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
        await connection.launch(job, {}, {})
        end = time.monotonic() + PATIENCE
        while True:
            await asyncio.sleep(0.5)
            if job not in {run.job for run in await connection.active()}:
                break
            if time.monotonic() > end:
                raise RuntimeError(f"the run of {job} does not end")
        await connection.close()

    asyncio.run(launched())


def _told(group: str, simulator: SpawnedSimulator, dagster: Dagster, told: Sink) -> Iterator[Figure]:
    control(simulator, "/faults", [{"status": 401, "path": "/.*", "times": None}])
    _run(dagster, "users")
    failed = time.monotonic()
    while not told.received and time.monotonic() < failed + PATIENCE:
        time.sleep(0.1)
    yield Figure(group, "from the end of a run that failed to the message", max(told.received[0][0] - failed, 0), "s", TOLD_BOUND)
    _run(dagster, "users")
    time.sleep(TOLD_BOUND)
    failures = [said for _, said in told.received if "failed: raw/users" in said]
    expect_equal("messages about two runs that failed for one reason", len(failures), 1)
    control(simulator, "/faults", method="DELETE")
    _run(dagster, "users")
    time.sleep(TOLD_BOUND)
    expect_equal("messages that it is well again", sum("recovered: raw/users" in said for _, said in told.received), 1)


def _day(group: str, place: Home, dagster: Dagster, storage: Engine) -> Iterator[Figure]:
    written = 0.0
    for job, times in RUNS.items():
        before = size(storage)
        _run(dagster, job)
        written += times * (size(storage) - before)
        yield Figure(group, f"a run of {job}", (size(storage) - before) / 1e6, "MB")
    before = size(storage)
    place.load()
    written += LOADS * (size(storage) - before)
    yield Figure(group, "a load of all tables", (size(storage) - before) / 1e6, "MB")
    # The last: what it adds and takes back is given back by PostgreSQL at some later time, which the figures above would show.
    ticks = tick_bytes(storage) * (SENSOR_TICKS + SCHEDULE_TICKS)
    written += ticks
    yield Figure(group, "ticks of a day, of which those without a run are kept for one day", ticks / 1e6, "MB")
    yield Figure(group, "written in a day at the default cadence", written / 1e6, "MB", DAY_BOUND)


def tick_bytes(storage: Engine) -> float:
    """Return what a tick that requests nothing takes, with its indexes: by the growth of the table with many more of them."""
    columns = "job_origin_id, selector_id, status, type, timestamp, tick_body, create_timestamp, update_timestamp"
    with storage.connect() as connection, connection.begin() as transaction:
        before = connection.execute(text("SELECT pg_total_relation_size('job_ticks')")).scalar_one()
        connection.execute(
            text(
                f"INSERT INTO job_ticks ({columns}) SELECT {columns} FROM "
                "(SELECT * FROM job_ticks WHERE status = 'SKIPPED' ORDER BY id DESC LIMIT 1) AS one, generate_series(1, :copies)"
            ),
            {"copies": COPIES},
        )
        after = connection.execute(text("SELECT pg_total_relation_size('job_ticks')")).scalar_one()
        transaction.rollback()
    return float(after - before) / COPIES


def size(storage: Engine) -> int:
    """Return the bytes that a database takes."""
    with storage.connect() as connection:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    sys.exit(show([operation()], as_json=parser.parse_args().json))
