"""Runs of Dagster over its GraphQL API: which wait or work, and starting one. No code of Dagster is needed for that.

Add here: another thing that is asked of Dagster. Keep out: when something is started by itself (`pipelines`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from service.errors import RETRY_SECONDS, ApiError

TIMEOUT = httpx.Timeout(30.0, connect=3.0)
REPOSITORY = "__repository__"
#: Tags of a run over a rectangle of partitions: its two corners.
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
#: Names the code location on each run that Dagster's webserver or daemon has made.
_LOCATION_TAG = "dagster/code_location"

_ACTIVE = """
query Active($filter: RunsFilter!) {
  runsOrError(filter: $filter, limit: 50) {
    __typename
    ... on Runs { results { runId jobName status creationTime } }
    ... on Error { message }
  }
}"""
_PARTITIONS = """
query Partitions($job: PipelineSelector!, $keys: [AssetKeyInput!]!) {
  assetNodes(pipeline: $job, assetKeys: $keys) { partitionKeysByDimension { name partitionKeys } }
}"""
_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on Error { message }
  }
}"""
_STATES = {"QUEUED": "queued", "NOT_STARTED": "queued", "STARTING": "starting", "STARTED": "running", "CANCELING": "canceling"}


@dataclass(frozen=True)
class Run:
    """A run that waits or works; `state` is queued, starting, running or canceling."""

    run_id: str
    job: str
    state: str
    created_at: datetime


@dataclass(frozen=True)
class Partitions:
    """The partitions of issues, each dimension in Dagster's order."""

    projects: list[str]
    months: list[str]


class Dagster:
    """The webserver of Dagster at a URL, and in it the code location of this space.

    `prefix` is what its asset keys begin with; `public_url` is where people's browsers reach it, when that is elsewhere.
    """

    def __init__(self, url: str, location: str, prefix: Sequence[str] = (), public_url: str | None = None) -> None:
        self.url = url
        self.public_url = public_url or url
        self._location = location
        self._prefix = list(prefix)
        # No proxy of the environment: the webserver is a neighbour.
        self._http = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def run_url(self, run_id: str) -> str:
        """Return where the UI shows a run."""
        return f"{self.public_url}/runs/{run_id}"

    async def active(self) -> list[Run]:
        """Return the runs of this space that wait or work, newest first.

        Raises:
            ApiError: Dagster cannot be reached, or refuses.
        """
        ours = {"key": _LOCATION_TAG, "value": self._location}
        found = await self._ask(_ACTIVE, "runsOrError", filter={"statuses": list(_STATES), "tags": [ours]})
        if found["__typename"] != "Runs":
            raise _refused(found)
        return [
            Run(run["runId"], run["jobName"], _STATES[run["status"]], datetime.fromtimestamp(run["creationTime"], UTC))
            for run in found["results"]
        ]

    async def partitions(self) -> Partitions:
        """Return the partitions of issues.

        Raises:
            ApiError: Dagster cannot be reached, refuses, or does not know the code location.
        """
        found = await self._ask(
            _PARTITIONS, "assetNodes", job=self._job("issues"), keys=[{"path": [*self._prefix, "raw", "issues"]}]
        )
        if not found:
            raise _refused({"message": f"it knows no raw/issues in the code location {self._location}"})
        keys = {dimension["name"]: dimension["partitionKeys"] for dimension in found[0]["partitionKeysByDimension"]}
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
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        found = await self._ask(_LAUNCH, "launchRun", params=params)
        if found["__typename"] != "LaunchRunSuccess":
            raise _refused(found)
        return str(found["run"]["runId"])

    def _job(self, name: str) -> dict[str, str]:
        return {"pipelineName": name, "repositoryName": REPOSITORY, "repositoryLocationName": self._location}

    async def _ask(self, query: str, field: str, **variables: Any) -> Any:
        """Return a field of what a query gives."""
        try:
            answer = await self._http.post(f"{self.url}/graphql", json={"query": query, "variables": variables})
            found = answer.json()
            if not found.get("errors"):
                return found["data"][field]
            refusal = {"message": found["errors"][0]["message"]}
        except httpx.RequestError as error:
            said = f"Dagster does not answer at {self.url}: {str(error) or type(error).__name__}."
            hint = "Start it (backlog-elt up), or put right BACKLOG_DAGSTER_URL."
            raise ApiError(503, "dagster_unreachable", said, hint, retry_after=RETRY_SECONDS) from None
        except (ValueError, LookupError, TypeError, AttributeError):
            refusal = {"message": f"the answer ({answer.status_code}) is not that of its GraphQL API"}
        raise _refused(refusal)


def _refused(found: Mapping[str, Any]) -> ApiError:
    """Return the error for what Dagster said instead of doing what was asked."""
    if found.get("__typename") == "UnauthorizedError":
        return ApiError(
            502, "dagster_refused", "Dagster takes no runs: it is read-only.", "Point BACKLOG_DAGSTER_URL at one that takes them."
        )
    said = found.get("message") or "; ".join(error["message"] for error in found.get("errors", ())) or found.get("__typename")
    hint = "See that BACKLOG_DAGSTER_URL and BACKLOG_DAGSTER_LOCATION name the code location of this space, and that it loads."
    return ApiError(502, "dagster_refused", f"Dagster refuses: {str(said).strip().splitlines()[0]}", hint)
