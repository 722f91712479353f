"""Runs of Dagster over its GraphQL API: lists and starts them. No code of Dagster is needed for
that.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import httpx

from resources.dagster_tags import CODE_LOCATION_TAG, REPOSITORY
from resources.problems.causes import Failure
from resources.warehouse.history.run_kinds import OF_COMMAND
from service import dagster_queries as queries
from service.error_answers import RETRY_SECONDS, ApiError
from service.run_events import (
    RUN_FAILURE,
    STEP_FAILURE,
    failure_of_end,
    failure_of_step,
    is_log_line,
    log_line,
)
from sync import runs
from sync.results.api_answers import LogLine, RunLog

TIMEOUT = httpx.Timeout(30.0, connect=3.0)
#: For the whole answer: the timeouts of httpx begin again with each byte.
TOTAL_SECONDS = 60.0
#: For what the page shows of Dagster beside other things: these do not wait for it longer.
GLANCE_SECONDS = 5.0
_ENDED = ("SUCCESS", "FAILURE", "CANCELED")
_ACTIVE = [status for status in runs.STATES if status not in _ENDED]
#: Runs in one answer of Dagster.
_PAGE = 200
#: The last lines of a log that are shown.
LOG_LINES = 40


@dataclass(frozen=True)
class Run(runs.Run):
    """A run, and when Dagster last changed it (epoch seconds)."""

    updated_at: float = field(kw_only=True)


@dataclass(frozen=True)
class Partitions:
    """The partitions of issues, each dimension in Dagster's order."""

    projects: list[str]
    months: list[str]


@dataclass(frozen=True)
class Instigator:
    """A schedule or a sensor, the id of its state in Dagster, and whether it is on."""

    name: str
    kind: Literal["schedule", "sensor"]
    state_id: str
    on: bool


class Dagster:
    """The webserver of Dagster at a URL, and in it the code location of this space.

    `prefix` is what its asset keys begin with; `public_url` is where people's browsers reach it,
    when that is elsewhere.
    """

    def __init__(
        self, url: str, location: str, prefix: Sequence[str] = (), public_url: str | None = None
    ) -> None:
        self.url = url
        self.public_url = public_url or url
        self._location = location
        self._prefix = list(prefix)
        # No proxy of the environment: the webserver is a neighbour. Without TLS it needs no list of
        # authorities, which takes 2 MB; this empty one trusts nobody.
        verify = True if url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, verify=verify)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def run_url(self, run_id: str) -> str:
        """Return where the UI shows a run, or all of them for a command that failed before its
        first run.
        """
        return f"{self.public_url}/runs" + ("" if run_id.startswith(OF_COMMAND) else f"/{run_id}")

    async def active(self, seconds: float = TOTAL_SECONDS) -> list[Run]:
        """Return the runs of this space that wait or work, newest first.

        Raises:
            ApiError: Dagster does not answer within the seconds, or refuses.
        """
        ours = {"key": CODE_LOCATION_TAG, "value": self._location}
        found = await self._runs({"statuses": _ACTIVE, "tags": [ours]}, 50, seconds=seconds)
        return [run for run in found if not run.ended]

    async def ended(self, after: float) -> list[Run]:
        """Return the runs of this space, those of commands too, that have ended and were changed
        after an instant (epoch seconds).

        Raises:
            ApiError: Dagster cannot be reached, or refuses.
        """
        found: list[Run] = []
        while True:
            page = await self._runs(
                {"statuses": list(_ENDED), "updatedAfter": after},
                _PAGE,
                cursor=found[-1].run_id if found else None,
            )
            found += page
            if len(page) < _PAGE:
                return [run for run in found if run.ended and self._is_ours(run)]

    async def run(self, run_id: str) -> Run | None:
        """Return a run, None when Dagster does not know it or it is of another space.

        Raises:
            ApiError: Dagster cannot be reached, or refuses.
        """
        found = await self._ask(queries.RUN, "runOrError", "Run", "RunNotFoundError", id=run_id)
        run = _run(found) if found["__typename"] == "Run" else None
        return run if run and self._is_ours(run) else None

    async def causes(self, run: runs.Run) -> list[Failure]:
        """Return why the steps of a run failed, or else the run itself, each reason once; empty
        when nothing is recorded.

        Raises:
            ApiError: Dagster cannot be reached, or refuses.
        """
        steps, ends = dict[Failure, None](), dict[Failure, None]()
        async for page in self._pages(run.run_id, None):
            for event in page["events"]:
                if event["__typename"] == STEP_FAILURE:
                    steps[failure_of_step(event)] = None
                elif event["__typename"] == RUN_FAILURE:
                    ends[failure_of_end(run, event)] = None
        return list(steps or ends)

    async def log(self, run_id: str, after: str | None) -> RunLog:
        """Return the last lines of the log of a run: those after a cursor, if there is one.

        Raises:
            ApiError: Dagster cannot be reached, or refuses.
        """
        lines: deque[LogLine] = deque(maxlen=LOG_LINES)
        async for page in self._pages(run_id, after):
            after = page["cursor"]
            lines.extend(log_line(event) for event in page["events"] if is_log_line(event))
        return RunLog(lines=list(lines), next_after=after)

    async def _pages(self, run_id: str, after: str | None) -> AsyncIterator[Mapping[str, Any]]:
        """Yield the log of a run after a cursor, page by page."""
        more = True
        while more:
            found = await self._ask(queries.EVENTS, "runOrError", "Run", id=run_id, after=after)
            page = found["eventConnection"]
            after, more = page["cursor"], page["hasMore"]
            yield page

    async def _runs(
        self,
        requested: Mapping[str, Any],
        limit: int,
        cursor: str | None = None,
        seconds: float = TOTAL_SECONDS,
    ) -> list[Run]:
        found = await self._ask(
            queries.RUNS,
            "runsOrError",
            "Runs",
            seconds=seconds,
            filter=requested,
            limit=limit,
            cursor=cursor,
        )
        return [_run(run) for run in found["results"] if run["status"] in runs.STATES]

    def _is_ours(self, run: Run) -> bool:
        return run.is_of(self._location, self._prefix)

    async def partitions(self) -> Partitions:
        """Return the partitions of issues.

        Raises:
            ApiError: Dagster cannot be reached, refuses, or does not know the code location.
        """
        found = await self._ask(
            queries.PARTITIONS,
            "assetNodes",
            job=self._job("issues"),
            keys=[{"path": [*self._prefix, "raw", "issues"]}],
        )
        if not found:
            raise _refused(
                {"message": f"it knows no raw/issues in the code location {self._location}"}
            )
        keys = {
            dimension["name"]: dimension["partitionKeys"]
            for dimension in found[0]["partitionKeysByDimension"]
        }
        return Partitions(keys["project"], keys["updated_month"])

    async def launch(self, job: str, config: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Start a run of a job and return its id; Dagster queues it.

        Raises:
            ApiError: Dagster cannot be reached, or refuses.
        """
        selector = self._job(job)
        params = {
            "selector": {"jobName": selector.pop("pipelineName"), **selector},
            "runConfigData": config,
            "executionMetadata": {
                "tags": [{"key": key, "value": value} for key, value in tags.items()]
            },
        }
        found = await self._ask(queries.LAUNCH, "launchRun", "LaunchRunSuccess", params=params)
        return str(found["run"]["runId"])

    async def terminate(self, run: Run) -> str | None:
        """Ask a run to end, and return why Dagster cannot, None: it will.

        Dagster refuses to end a run that starts, and can only call it canceled. Its process looks
        for that before it begins.

        Raises:
            ApiError: Dagster cannot be reached, or refuses.
        """
        waits = run.state in ("queued", "starting")
        policy = "MARK_AS_CANCELED_IMMEDIATELY" if waits else "SAFE_TERMINATE"
        found = await self._ask(
            queries.TERMINATE,
            "terminateRun",
            "TerminateRunSuccess",
            "TerminateRunFailure",
            id=run.run_id,
            policy=policy,
        )
        return str(found["message"]).strip().splitlines()[0] if "message" in found else None

    async def instigators(self, seconds: float = TOTAL_SECONDS) -> dict[str, Instigator]:
        """Return the schedules and sensors of this space by their names.

        Raises:
            ApiError: Dagster does not answer within the seconds, refuses, or does not know the
                code location.
        """
        found = await self._ask(
            queries.INSTIGATORS,
            "repositoryOrError",
            "Repository",
            seconds=seconds,
            repository=self._repository,
        )
        kinds: tuple[Literal["schedule", "sensor"], ...] = ("schedule", "sensor")
        return {
            one["name"]: Instigator(one["name"], kind, state["id"], state["status"] == "RUNNING")
            for kind in kinds
            for one in found[f"{kind}s"]
            for state in [one[f"{kind}State"]]
        }

    async def switch(self, one: Instigator, *, on: bool) -> None:
        """Let a schedule or a sensor tick, or not.

        Raises:
            ApiError: Dagster cannot be reached, or refuses.
        """
        field, mutation = queries.SWITCHES[one.kind, on]
        selector = {**self._repository, f"{one.kind}Name": one.name}
        found = await self._ask(mutation, field, of=selector if on else one.state_id)
        if "message" in found:
            raise _refused(found)

    @property
    def _repository(self) -> dict[str, str]:
        return {"repositoryName": REPOSITORY, "repositoryLocationName": self._location}

    def _job(self, name: str) -> dict[str, str]:
        return {"pipelineName": name, **self._repository}

    async def _ask(
        self, query: str, field: str, *kinds: str, seconds: float = TOTAL_SECONDS, **variables: Any
    ) -> Any:
        """Return a field of what a query gives; one of another type than `kinds` is refused."""
        try:
            async with asyncio.timeout(seconds):
                answer = await self._http.post(
                    f"{self.url}/graphql", json={"query": query, "variables": variables}
                )
            found = answer.json()
            if found.get("errors"):
                refusal = {"message": found["errors"][0]["message"]}
            else:
                refusal = found["data"][field]
                if not kinds or refusal["__typename"] in kinds:
                    return refusal
        except (httpx.RequestError, TimeoutError) as error:
            raise ApiError(
                503,
                "dagster_unreachable",
                f"Dagster does not answer at {self.url}: {str(error) or type(error).__name__}.",
                "Start it (backlog-elt up), or correct BACKLOG_DAGSTER_URL.",
                retry_after=RETRY_SECONDS,
            ) from None
        except (ValueError, LookupError, TypeError, AttributeError):
            refusal = {
                "message": f"the answer ({answer.status_code}) is not that of its GraphQL API"
            }
        raise _refused(refusal)


def _run(found: Mapping[str, Any]) -> Run:
    started, ended = found["startTime"], found["endTime"]
    return Run(
        found["runId"],
        found["jobName"],
        runs.STATES[found["status"]],
        datetime.fromtimestamp(found["creationTime"], UTC),
        datetime.fromtimestamp(started, UTC) if started else None,
        datetime.fromtimestamp(ended, UTC) if ended and found["status"] in _ENDED else None,
        {tag["key"]: tag["value"] for tag in found["tags"]},
        [asset["path"] for asset in found["assetSelection"] or ()],
        updated_at=found["updateTime"] or found["creationTime"],
    )


def _refused(found: Mapping[str, Any]) -> ApiError:
    """Return the error for a refusal of Dagster."""
    if found.get("__typename") == "UnauthorizedError":
        return ApiError(
            502,
            "dagster_refused",
            "Dagster does not accept runs: it is read-only.",
            "Point BACKLOG_DAGSTER_URL at one that accepts them.",
        )
    said = (
        found.get("message")
        or "; ".join(error["message"] for error in found.get("errors", ()))
        or found.get("__typename")
    )
    hint = (
        "Check that BACKLOG_DAGSTER_URL and BACKLOG_DAGSTER_LOCATION name the code location of "
        "this space, and that it loads."
    )
    return ApiError(
        502, "dagster_refused", f"Dagster refuses: {str(said).strip().splitlines()[0]}", hint
    )
