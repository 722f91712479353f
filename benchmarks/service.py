"""The sync service under load: `python -m benchmarks.service`, half a minute, on loopback only.

500 requests a second on the status endpoints, each sent when it is due whether or not the last one
is answered; 1,000 webhooks in 10 seconds, some of them twice, without and with a `kill -9` of the
service in the middle; and the memory that it then takes.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from random import Random
from statistics import quantiles

import psutil
from sqlalchemy import Engine, text

from benchmarks.figures import Figure, show
from benchmarks.workshop import scratch
from resources.warehouse.server import embedded
from resources.warehouse.server.connect import engine
from resources.warehouse.server.migrations import upgrade
from resources.warehouse.state.sync_state import note_space_url
from simulator import spawn_simulator
from tests.ports import free_port

ROOT = "/api/v1/sync"
READS = [
    *(
        f"{ROOT}/{path}"
        for path in (
            "connection/status",
            "monitor/active",
            "monitor/stats",
            "monitor/timeline",
            "projects",
            "schedules",
        )
    ),
    *(f"{ROOT}/{path}?limit=20" for path in ("history", "runs")),
]
SECRET = "a-secret-of-this-benchmark"  # noqa: S105 - of nothing else
A_SECOND, P99_BOUND = 500, 50.0
EVENTS, TWICE, EVENTS_SECONDS = 1_000, 100, 10.0
MEMORY_BOUND = 90.0
#: Syncs in the log: those of some weeks.
SYNCS = 20_000
FILL = """
INSERT INTO ops.sync_history
    (space_key, sync_type, mode, status, started_at, ended_at, items_synced, items_failed,
        requests, error, run_id)
SELECT 'acme', (ARRAY['issues', 'comments', 'activities', 'users'])[1 + n % 4], 'incremental',
       CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'completed' END,
       now() - n * interval '90 s', now() - n * interval '90 s' + interval '2 s',
       n % 100, 0, 3, CASE WHEN n % 50 = 0 THEN 'GET /issues: 500' END, 'run-' || n / 4
FROM generate_series(:syncs, 1, -1) AS n"""


@dataclass
class Service:
    """The service as a process of its own, which can be killed and started again."""

    folder: Path
    variables: dict[str, str]
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, and return when it answers.

        Raises:
            RuntimeError: it ended by itself.
        """
        ours = ("BACKLOG_", "DAGSTER_", "WAREHOUSE_")
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(ours)
        } | self.variables
        command = [sys.executable, "-m", "service", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=environment, cwd=self.folder)
        while self.process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz"):
                return
            time.sleep(0.02)
        raise RuntimeError(f"the service ended with {self.process.returncode}")

    def kill(self) -> None:
        """End it by force."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    @property
    def cpu_seconds(self) -> float:
        """What it has used of the processor."""
        assert self.process is not None  # noqa: S101 - it was started
        used = psutil.Process(self.process.pid).cpu_times()
        return float(used.user + used.system)

    @property
    def megabytes(self) -> float:
        """Its resident memory."""
        assert self.process is not None  # noqa: S101 - it was started
        return psutil.Process(self.process.pid).memory_info().rss / 2**20


class Client:
    """Sends requests over connections that are kept, as few bytes and as little work as it takes:
    it shares the machine's cores.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(self, head: bytes, body: bytes = b"") -> tuple[int, str]:
        """Return status and ETag of the answer; the status is 0 when the connection broke."""
        try:
            reader, writer = self._kept() or await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(head + body)
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value
                for name, _, value in (line.partition(": ") for line in lines[1:])
            }
            await reader.readexactly(int(headers.get("content-length", 0)))
        except (OSError, EOFError):
            return 0, ""
        self._free.append((reader, writer))
        return int(lines[0].split()[1]), headers.get("etag", "")

    def _kept(self) -> "tuple[asyncio.StreamReader, asyncio.StreamWriter] | None":
        """Return a connection of before: the service closes those on which nobody asked for some
        seconds.
        """
        while self._free:
            reader, writer = self._free.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return None


async def open_loop(
    count: int, seconds: float, one: Callable[[int], Awaitable[None]]
) -> list[float]:
    """Begin `count` calls evenly over some seconds; return the seconds of each, from the moment in
    which it was due.
    """
    began = time.perf_counter()
    taken = [0.0] * count

    async def timed(number: int, due: float) -> None:
        await one(number)
        taken[number] = time.perf_counter() - due

    calls = []
    for number in range(count):
        due = began + number * seconds / count
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        calls.append(asyncio.create_task(timed(number, due)))
    await asyncio.gather(*calls)
    return taken


def reads(service: Service, seconds: float) -> Iterator[Figure]:
    """Ask the status endpoints in turn, half of the time with the tag of the last answer, as pages
    and monitors do.
    """
    group = f"status endpoints, {A_SECOND} requests a second, each when it is due"
    codes: Counter[int] = Counter()

    async def play() -> tuple[list[float], float, float]:
        client, tags = Client(service.port), dict.fromkeys(READS, "")
        paths = cycle(READS)

        async def ask(number: int) -> None:
            path = next(paths)
            tag = (
                f"If-None-Match: {tags[path]}\r\n"
                if number // len(READS) % 2 and tags[path]
                else ""
            )
            status, tags[path] = await client.send(
                f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{tag}\r\n".encode()
            )
            codes[status] += 1

        await open_loop(A_SECOND, 1.0, ask)
        codes.clear()
        began, used = time.perf_counter(), service.cpu_seconds
        taken = await open_loop(int(A_SECOND * seconds), seconds, ask)
        whole = time.perf_counter() - began
        return taken, whole, (service.cpu_seconds - used) / whole

    taken, whole, share = asyncio.run(play())
    cuts = quantiles(taken, n=1000)
    yield Figure(group, "requests a second", len(taken) / whole, "a second")
    others = {
        "connection lost" if code == 0 else code: count
        for code, count in codes.items()
        if code not in {200, 304}
    }
    yield Figure(
        group,
        f"neither 200 nor 304{f' ({others})' if others else ''}",
        sum(others.values()),
        "requests",
        0,
    )
    yield Figure(group, "median", cuts[499] * 1000, "ms")
    yield Figure(group, "99th percentile", cuts[989] * 1000, "ms", P99_BOUND)
    yield Figure(group, "slowest", max(taken) * 1000, "ms")
    yield Figure(group, "of a core", share * 100, "%")


def webhooks(service: Service, warehouse: Engine, *, killed: bool) -> Iterator[Figure]:
    """Send events, some twice, each again until it is taken; with `killed` the service dies in the
    middle and comes back.
    """
    group = f"{EVENTS:,} webhooks in {EVENTS_SECONDS:.0f} s, {TWICE} of them twice" + (
        ", kill -9 in the middle" if killed else ""
    )
    with warehouse.begin() as connection:
        connection.execute(text("TRUNCATE ops.webhook_events"))
    ids = [*range(1, EVENTS + 1), *range(1, EVENTS + 1, EVENTS // TWICE)]
    Random(7).shuffle(ids)  # noqa: S311 - an order
    answers: Counter[str] = Counter()

    def die_and_come_back() -> float:
        time.sleep(EVENTS_SECONDS / 2)
        began = time.perf_counter()
        service.kill()
        service.start()
        return time.perf_counter() - began

    async def play() -> tuple[list[float], float]:
        client = Client(service.port)

        async def post(number: int) -> None:
            body = json.dumps(
                {"id": ids[number], "type": 2, "content": {"id": 90_017, "summary": "鍵"}}
            ).encode()
            head = (
                f"POST /webhooks/backlog/{SECRET} HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            ).encode()
            while (status := (await client.send(head, body))[0]) != 200:
                answers["connection lost" if status == 0 else str(status)] += 1
                await asyncio.sleep(0.1)
            answers["taken"] += 1

        away = asyncio.create_task(asyncio.to_thread(die_and_come_back)) if killed else None
        taken = await open_loop(len(ids), EVENTS_SECONDS, post)
        return taken, await away if away else 0.0

    taken, away = asyncio.run(play())
    with warehouse.connect() as connection:
        kept = Counter(
            connection.execute(text("SELECT activity_id FROM ops.webhook_events")).scalars()
        )
    yield Figure(group, "answered with success", answers.pop("taken"), "events")
    for answer, number in sorted(answers.items()):
        yield Figure(group, f"sent again: {answer}", number, "requests")
    if killed:
        yield Figure(group, "from the kill until it answers again", away, "s")
    yield Figure(group, "taken and not kept", len(set(ids) - set(kept)), "events", 0)
    yield Figure(group, "kept twice", sum(kept.values()) - len(kept), "events", 0)
    # One that is asked for is answered when it is committed.
    if not killed:
        yield Figure(
            group, "99th percentile until it is committed", quantiles(taken, n=100)[98] * 1000, "ms"
        )


def measured(seconds: float) -> Iterator[Iterator[Figure]]:
    """Yield the parts, on a warehouse and a simulated space of their own."""
    with scratch() as folder, spawn_simulator(projects=5, issues=200) as simulator:
        url = embedded.ensure_server(folder).url()
        warehouse = engine(url)
        upgrade(warehouse)
        with warehouse.begin() as connection:
            connection.execute(text(FILL), {"syncs": SYNCS})
            note_space_url(connection, "acme", simulator.url)
        variables = {
            "WAREHOUSE_URL": url,
            "BACKLOG_URL": simulator.url,
            "BACKLOG_API_KEY": simulator.api_key,
        }
        service = Service(folder, {**variables, "BACKLOG_WEBHOOK_SECRET": SECRET})
        try:
            service.start()
            yield reads(service, seconds)
            yield webhooks(service, warehouse, killed=False)
            yield webhooks(service, warehouse, killed=True)
            yield iter(
                [
                    Figure(
                        "memory", "resident, after all that", service.megabytes, "MB", MEMORY_BOUND
                    )
                ]
            )
        finally:
            service.kill()
            warehouse.dispose()


def main() -> int:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of the status endpoints")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    return show(measured(options.seconds), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
