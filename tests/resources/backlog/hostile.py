"""A source of issues that does everything the API's documents leave open, and changes between any
two requests.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any, Self

import httpx

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.backlog.client_values import Record
from resources.backlog.scan import Scan

START = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@dataclass
class Issue:
    id: int
    project: int
    created: datetime
    updated: datetime
    summary: str

    def json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "projectId": self.project,
            "summary": self.summary,
            "created": f"{self.created:%Y-%m-%dT%H:%M:%SZ}",
            "updated": f"{self.updated:%Y-%m-%dT%H:%M:%SZ}",
        }


@dataclass
class HostileSpace:
    """Serves `/issues`, `/issues/count` and `/space/activities`; `meanwhile` runs before each
    answer.

    Ties come in a new order each time. `zone` (hours) and `inclusive` say how day filters are read.
    """

    seed: int = 0
    zone: int = 9
    inclusive: bool = True
    meanwhile: Callable[["HostileSpace"], None] | None = None
    now: datetime = START
    issues: dict[int, Issue] = field(default_factory=dict)
    deleted: list[tuple[int, datetime]] = field(default_factory=list)
    asked: list[httpx.Request] = field(default_factory=list)
    refuse_activities: bool = False
    unlisted: int = 0  # issues that are counted but never listed
    counts: list[int] = field(default_factory=list)  # as they were answered

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - no secret is made of it
        self._last_id = 0

    def client(self) -> BacklogClient:
        http = httpx.Client(transport=httpx.MockTransport(self.answer))
        return BacklogClient(
            "https://acme.backlog.test",
            ApiKeyQuery("hostile-key"),
            http=http,
            sleep=lambda seconds: None,
        )

    def paths(self) -> list[str]:
        return [request.url.path.removeprefix("/api/v2") for request in self.asked]

    # -- what people do ----------------------------------------------------------------------------

    def create(
        self, *, project: int = 1, at: datetime | None = None, summary: str | None = None
    ) -> int:
        self._last_id += 1
        moment = at or self.now
        self.issues[self._last_id] = Issue(
            self._last_id, project, moment, moment, summary or f"Issue {self._last_id}"
        )
        return self._last_id

    def history(
        self, number: int, *, every: timedelta = timedelta(minutes=50), project: int = 1
    ) -> Self:
        """Create issues in the past, the last one just before now; every third was edited since."""
        for back in range(number, 0, -1):
            row = self.issues[self.create(project=project, at=self.now - back * every)]
            if row.id % 3 == 0:
                row.updated += (self.now - row.updated) * self.random.random()
                row.updated = row.updated.replace(microsecond=0)
        return self

    def edit(self, issue_id: int, at: datetime | None = None) -> None:
        self.issues[issue_id].updated = at or self.now

    def delete(self, issue_id: int) -> None:
        del self.issues[issue_id]
        self.deleted.append((issue_id, self.now))

    def move(self, issue_id: int, project: int, *, quietly: bool = False) -> None:
        """Move an issue to another project; `quietly`: it keeps its `updated`."""
        self.issues[issue_id].project = project
        if not quietly:
            self.edit(issue_id)

    def any(self, project: int = 1) -> int:
        return self.random.choice(
            [row.id for row in self.issues.values() if row.project == project]
        )

    # -- what the server does ----------------------------------------------------------------------

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.meanwhile is not None:
            self.meanwhile(self)
        path = request.url.path.removeprefix("/api/v2")
        headers = {"Date": format_datetime(self.now, usegmt=True)}
        if path == "/space/activities":
            if self.refuse_activities:
                return httpx.Response(
                    403, json={"errors": [{"code": 5, "message": "no"}]}, headers=headers
                )
            return httpx.Response(
                200,
                json=self._activities(int(request.url.params.get("maxId", 10**9))),
                headers=headers,
            )
        rows = self._filtered(request.url.params)
        if path == "/issues/count":
            self.counts.append(len(rows) + self.unlisted)
            return httpx.Response(200, json={"count": self.counts[-1]}, headers=headers)
        assert path == "/issues"
        sort, order = request.url.params["sort"], request.url.params["order"]
        self.random.shuffle(rows)
        rows.sort(key=lambda row: getattr(row, sort), reverse=order == "desc")
        offset, count = int(request.url.params["offset"]), int(request.url.params["count"])
        return httpx.Response(
            200, json=[row.json() for row in rows[offset : offset + count]], headers=headers
        )

    def _activities(self, max_id: int) -> list[dict[str, Any]]:
        end = min(max_id + 1, len(self.deleted))
        return [
            {
                "id": number,
                "type": 4,
                "content": {"id": issue_id, "key_id": 1},
                "created": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            }
            for number, (issue_id, at) in (
                (number, self.deleted[number]) for number in range(end - 1, max(end - 101, -1), -1)
            )
        ]

    def _filtered(self, params: httpx.QueryParams) -> list[Issue]:
        projects = {int(value) for value in params.get_list("projectId[]")}
        assert projects, "projectId[] must always be sent"
        created = self._moments(params.get("createdSince"), params.get("createdUntil"))
        updated = self._moments(params.get("updatedSince"), params.get("updatedUntil"))
        return [
            row
            for row in self.issues.values()
            if row.project in projects
            and created[0] <= row.created < created[1]
            and updated[0] <= row.updated < updated[1]
        ]

    def _moments(self, since: str | None, until: str | None) -> tuple[datetime, datetime]:
        """Return the moment from which on a filter by days lets things through, and the one from
        which on it does not.
        """
        zone = timezone(timedelta(hours=self.zone))
        first, last = (
            day and datetime.fromisoformat(day).replace(tzinfo=zone) for day in (since, until)
        )
        day = timedelta(days=1)
        return (
            (first if self.inclusive else first + day)
            if first
            else datetime.min.replace(tzinfo=UTC),
            (last + day if self.inclusive else last) if last else datetime.max.replace(tzinfo=UTC),
        )


def read(scan: Scan) -> list[Record]:
    return [row for batch in scan for row in batch.everything]


def ids(rows: list[Record]) -> set[int]:
    return {row["id"] for row in rows}
