"""The service as a real server on a real database, and in place of Dagster a server that answers as
its GraphQL API does.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import IO, Any

import httpx
import pytest
import uvicorn
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from resources.settings import Settings
from service.app import create_app
from simulator import Simulator
from tests.deployment import SMALL, Deployment
from tests.ports import free_port
from tests.sync_log import Log as Log
from tests.waiting import answers, eventually

TOKEN = "a-token-that-nobody-guesses"
SECRET = "a-secret-that-nobody-guesses"
API = "/api/v1/sync"
ACME = {"BACKLOG_URL": "http://acme.example.com", "BACKLOG_API_KEY": "unused"}


@contextmanager
def running(app: ASGIApp, **options: Any) -> Iterator[str]:
    """Serve an application from a thread, with options of uvicorn, and give its URL."""
    port = free_port()
    options = {
        "log_level": "critical",
        "lifespan": "auto",
        "proxy_headers": False,
        "ws": "none",
        **options,
    }
    config = uvicorn.Config(app, host="127.0.0.1", port=port, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    waiting = threading.Event()
    while not server.started:
        waiting.wait(0.005)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        # It needs some tenths of a second to end, in which the next test can begin.
        server.should_exit = True


@contextmanager
def a_process(
    warehouse_url: str, port: int, stderr: IO[bytes] | None = None, **variables: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the service as a process of its own, and wait until it answers."""
    environment = {
        **os.environ,
        **ACME,
        "WAREHOUSE_URL": warehouse_url,
        "BACKLOG_WEBHOOK_SECRET": SECRET,
        **variables,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "--port", str(port)], env=environment, stderr=stderr
    )
    try:
        eventually(lambda: answers(f"http://127.0.0.1:{port}/healthz"))
        yield process
    finally:
        process.kill()
        process.wait()


@dataclass
class DagsterStandIn:
    """Answers GraphQL queries by the field that is asked for, and keeps what was asked."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        months = ["2026-01", "2026-02", "2026-03"]
        dimensions = [
            {"name": "project", "partitionKeys": ["OPS", "WEB", "APP"]},
            {"name": "updated_month", "partitionKeys": months},
        ]
        self.answers = {
            "runsOrError": {"__typename": "Runs", "results": []},
            "assetNodes": [{"partitionKeysByDimension": dimensions}],
            "launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": "11111111-2222"}},
            "terminateRun": {"__typename": "TerminateRunSuccess"},
            "repositoryOrError": {
                "__typename": "Repository",
                "schedules": [
                    {
                        "name": "issues_every_12_hours",
                        "scheduleState": {"id": "id-of-issues", "status": "RUNNING"},
                    }
                ],
                "sensors": [
                    {
                        "name": "activity_feed",
                        "sensorState": {"id": "id-of-feed", "status": "STOPPED"},
                    }
                ],
            },
            **{
                name: {"__typename": "ScheduleStateResult"}
                for name in ("startSchedule", "stopRunningSchedule", "startSensor", "stopSensor")
            },
        }

    def works(
        self, job: str, run_id: str = "run-of-dagster", status: str = "STARTED"
    ) -> dict[str, Any]:
        """Let a run of a job be at work, and return it as Dagster has it."""
        run = {
            "runId": run_id,
            "jobName": job,
            "status": status,
            "tags": [{"key": "dagster/code_location", "value": "backlog_elt"}],
            "assetSelection": None,
            "eventConnection": {"cursor": "c", "hasMore": False, "events": []},
            "creationTime": 1_790_000_000.0,
            "startTime": 1_790_000_001.0,
            "endTime": None,
            "updateTime": time.time(),
        }
        self.answers["runsOrError"]["results"].append(run)
        return run

    def ended(
        self,
        job: str,
        run_id: str,
        *causes: str,
        status: str = "FAILURE",
        said: str = "",
        codes: Sequence[str] = (),
        error: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> None:
        """Let a run have ended: as its steps say in `causes`, with their `codes` as metadata, or
        the run itself in `said`; `error` is what was raised.
        """
        run = self.works(job, run_id, status)
        for one, code in zip_longest(causes, codes):
            entries = [{"label": "tables"}, *([{"label": "cause", "text": code}] if code else [])]
            described: dict[str, Any] = {"description": one, "metadataEntries": entries}
            of: dict[str, Any] = {"failureMetadata": described, "error": error}
            self.logs(run, "a step failed", "ERROR", "ExecutionStepFailureEvent", **of)
        ended: dict[str, Any] = {"error": error}
        self.logs(run, said, "ERROR", "RunFailureEvent", **ended)
        run |= {"startTime": time.time() - 1, "endTime": time.time(), **more}

    def logs(
        self,
        run: dict[str, Any],
        message: str,
        level: str = "INFO",
        kind: str = "LogMessageEvent",
        *,
        later: bool = False,
        **more: Any,
    ) -> None:
        """Let a run log something; `later` is told to who knows all that was logged before."""
        run["eventConnection"]["events"].append(
            {
                "__typename": kind,
                "timestamp": str(int(time.time() * 1000)),
                "level": level,
                "message": message,
                "error": None,
                "later": later,
                **more,
            }
        )

    @property
    def launched(self) -> list[dict[str, Any]]:
        """The parameters of the runs that were asked for."""
        return [one["variables"]["params"] for one in self.asked if "launchRun" in one["query"]]

    async def answer(self, request: Request) -> Response:
        """Answer one query."""
        asked = json.loads(await request.body())
        variables = asked["variables"]
        if "runOrError" in asked["query"]:
            run = self._run(variables["id"], only_later=bool(variables.get("after")))
            return JSONResponse({"data": {"runOrError": run}})
        if "updatedAfter" in variables.get("filter", {}):
            # The look that the service takes by itself: not what a test has asked it for.
            found = self._of_state(variables["filter"]["statuses"])
            after = variables["filter"]["updatedAfter"]
            found["results"] = [run for run in found["results"] if run["updateTime"] > after]
            return JSONResponse({"data": {"runsOrError": found}})
        self.asked.append(asked)
        [name] = [name for name in self.answers if name in asked["query"]]
        if name == "launchRun" and "run" in self.answers[name]:
            self.works(
                self.launched[-1]["selector"]["jobName"],
                self.answers[name]["run"]["runId"],
                "QUEUED",
            )
        if name == "terminateRun" and self.answers[name]["__typename"] == "TerminateRunSuccess":
            self.answers["runsOrError"]["results"][-1]["status"] = "CANCELING"
        if name.startswith(("start", "stop")) and "message" not in self.answers[name]:
            self._switch(variables["of"], "RUNNING" if name.startswith("start") else "STOPPED")
        if name == "runsOrError":
            return JSONResponse({"data": {name: self._of_state(variables["filter"]["statuses"])}})
        return JSONResponse({"data": {name: self.answers[name]}})

    def _run(self, run_id: str, *, only_later: bool) -> dict[str, Any]:
        """Return a run, with all of its events or only those that come later."""
        for run in reversed(self.answers["runsOrError"]["results"]):
            if run["runId"] == run_id:
                log = run["eventConnection"]
                events = [one for one in log["events"] if one["later"] or not only_later]
                return {"__typename": "Run", **run, "eventConnection": {**log, "events": events}}
        return {"__typename": "RunNotFoundError"}

    def _switch(self, of: Any, status: str) -> None:
        """Switch the schedule or sensor that a selector or the id of its state names."""
        named = of.values() if isinstance(of, dict) else ()
        for kind in ("schedule", "sensor"):
            for one in self.answers["repositoryOrError"][f"{kind}s"]:
                if of == one[f"{kind}State"]["id"] or one["name"] in named:
                    one[f"{kind}State"]["status"] = status

    def _of_state(self, statuses: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = self.answers["runsOrError"]
        return found | {
            "results": [run for run in found.get("results", ()) if run["status"] in statuses]
        }


@pytest.fixture
def dagster() -> Iterator[DagsterStandIn]:
    """Return a server in place of Dagster, in which nothing runs."""
    stand_in = DagsterStandIn()
    with running(Starlette(routes=[Route("/graphql", stand_in.answer, methods=["POST"])])) as url:
        stand_in.url = url
        yield stand_in


Serve = Callable[..., httpx.Client]


@pytest.fixture
def serve(warehouse_url: str, dagster: DagsterStandIn) -> Iterator[Serve]:
    """Return a function that starts a service with some variables set, and gives a client
    for it.
    """
    with ExitStack() as stack:

        def start(**variables: str) -> httpx.Client:
            base = {
                "WAREHOUSE_URL": warehouse_url,
                "BACKLOG_DAGSTER_URL": dagster.url,
                "BACKLOG_WEBHOOK_SECRET": SECRET,
            }
            url = stack.enter_context(running(create_app(Settings.from_env(base | variables))))
            return stack.enter_context(httpx.Client(base_url=url, timeout=30, trust_env=False))

        yield start


@pytest.fixture
def service(serve: Serve, loaded: Deployment) -> httpx.Client:
    """Return a client of a service of the space that was loaded."""
    return serve(**at(loaded.sim), WAREHOUSE_URL=loaded.warehouse_url)


@pytest.fixture
def log(warehouse: Engine) -> Iterator[Log]:
    """Give an empty log of syncs."""
    with Log(warehouse) as log:
        yield log


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """Return a space to which a service can connect."""
    with Simulator(SMALL) as made:
        yield made


def at(sim: Simulator) -> dict[str, str]:
    """Return the variables that lead to a space."""
    return {"BACKLOG_URL": sim.url, "BACKLOG_API_KEY": sim.api_key}
