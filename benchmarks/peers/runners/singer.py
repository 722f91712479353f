"""A Singer tap by the book of singer-sdk, piped into target-postgres; `PEER_BEST` lets the target
use COPY.

Run with `tap` it is the tap; without, one sync: both processes, the state of the last sync before,
that of this one after it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from singer_sdk import RESTStream, Tap
from singer_sdk.pagination import BaseAPIPaginator, OffsetPaginator

PAGE = 100
TEXT, NUMBER = {"type": ["string", "null"]}, {"type": ["integer", "null"]}
MOMENT = {"type": ["string", "null"], "format": "date-time"}
OBJECT, LIST = {"type": ["object", "null"]}, {"type": ["array", "null"]}


def _schema(**fields: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"id": {"type": "integer"}, **fields}}


class _Offset(OffsetPaginator):
    def has_more(self, response: Any) -> bool:
        return len(response.json()) == PAGE


class _ById(BaseAPIPaginator):
    def has_more(self, response: Any) -> bool:
        return len(response.json()) == PAGE

    def get_next(self, response: Any) -> int:
        return response.json()[-1]["id"] + 1


class _Stream(RESTStream):
    primary_keys = ("id",)

    @property
    def url_base(self) -> str:
        return os.environ["BACKLOG_URL"] + "/api/v2"

    @property
    def http_headers(self) -> dict[str, str]:
        return {"Backlog-API-Key": os.environ["BACKLOG_API_KEY"]}


class Issues(_Stream):
    """Issues, from the day of the last known change on: the API knows only days."""

    name = "issues"
    path = "/issues"
    replication_key = "updated"
    schema = _schema(
        projectId=NUMBER,
        issueKey=TEXT,
        keyId=NUMBER,
        issueType=OBJECT,
        summary=TEXT,
        description=TEXT,
        resolution=OBJECT,
        priority=OBJECT,
        status=OBJECT,
        assignee=OBJECT,
        category=LIST,
        versions=LIST,
        milestone=LIST,
        startDate=MOMENT,
        dueDate=MOMENT,
        estimatedHours={"type": ["number", "null"]},
        actualHours={"type": ["number", "null"]},
        parentIssueId=NUMBER,
        createdUser=OBJECT,
        created=MOMENT,
        updatedUser=OBJECT,
        updated=MOMENT,
        customFields=LIST,
        attachments=LIST,
        sharedFiles=LIST,
        externalFileLinks=LIST,
        stars=LIST,
    )

    def get_new_paginator(self) -> _Offset:
        """Page by offset."""
        return _Offset(0, PAGE)

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
        """Return the parameters of a page."""
        start = self.get_starting_timestamp(context)
        since = {"updatedSince": start.date().isoformat()} if start else {}
        return {
            "count": PAGE,
            "offset": next_page_token or 0,
            "sort": "created",
            "order": "asc",
            **since,
        }

    def get_child_context(self, record: dict[str, Any], context: Any) -> dict[str, Any]:
        """Return what the comments of an issue need."""
        return {"issueId": record["id"]}


class Comments(_Stream):
    """Comments of the issues that were read."""

    name = "comments"
    path = "/issues/{issueId}/comments"
    parent_stream_type = Issues
    state_partitioning_keys = ()
    schema = _schema(
        issueId=NUMBER,
        content=TEXT,
        changeLog=LIST,
        createdUser=OBJECT,
        created=MOMENT,
        updated=MOMENT,
        stars=LIST,
        notifications=LIST,
    )

    def get_new_paginator(self) -> _ById:
        """Page by id."""
        return _ById(0)

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:
        """Return the parameters of a page."""
        return {
            "count": PAGE,
            "order": "asc",
            **({"minId": next_page_token} if next_page_token else {}),
        }


class BacklogTap(Tap):
    """The tap."""

    name = "tap-backlog"
    config_jsonschema = {"properties": {}}  # noqa: RUF012 - as the SDK has it

    def discover_streams(self) -> list[Any]:
        """Return the streams of this work."""
        return (
            [Issues(self), Comments(self)]
            if "comments" in os.environ["PEER_TABLES"]
            else [Issues(self)]
        )


def main() -> None:
    """Pipe the tap into the target."""
    folder = Path(os.environ["PEER_STATE"])
    state, config = folder / "state.json", folder / "target.json"
    best = dict.fromkeys(("validate_records", "add_record_metadata", "activate_version"), False) | {
        "use_copy": True
    }
    chosen = best if os.environ.get("PEER_BEST") else {}
    url = os.environ["PEER_DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
    config.write_text(
        json.dumps({"sqlalchemy_url": url, "default_target_schema": "peer", **chosen})
    )
    tap = [
        sys.executable,
        "-m",
        "benchmarks.peers.runners.singer",
        "tap",
        *(["--state", str(state)] if state.exists() else []),
    ]
    target = [str(Path(sys.executable).parent / "target-postgres"), "--config", str(config)]
    with subprocess.Popen(tap, stdout=subprocess.PIPE) as source:
        loaded = subprocess.run(target, stdin=source.stdout, stdout=subprocess.PIPE, check=True)
    if source.returncode:
        sys.exit(f"the tap ended with {source.returncode}")
    lines = loaded.stdout.decode().splitlines()
    if lines:
        state.write_text(lines[-1])


if __name__ == "__main__":
    if sys.argv[1:2] == ["tap"]:
        BacklogTap.cli(sys.argv[2:])
    else:
        main()
