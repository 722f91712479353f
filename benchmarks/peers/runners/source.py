"""What a runner is told, what it remembers, and the API read in the plain way: one page after the
other.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

Record = dict[str, Any]

#: The most that the API gives in one answer.
PAGE = 100


def tables() -> list[str]:
    """Return the tables of this work: `issues`, or `issues` and `comments`."""
    return os.environ["PEER_TABLES"].split(",")


def database_url() -> str:
    """Return the URL of the database that this way has for itself."""
    return os.environ["PEER_DATABASE_URL"]


def state_folder() -> Path:
    """Return the folder that lasts from sync to sync."""
    return Path(os.environ["PEER_STATE"])


def last_update() -> str | None:
    """Return the newest `updated` of the syncs so far; None: there was none."""
    file = state_folder() / "updated.json"
    return str(json.loads(file.read_text())) if file.exists() else None


def remember(updated: str) -> None:
    """Keep the newest `updated` for the next sync."""
    (state_folder() / "updated.json").write_text(json.dumps(updated))


def client() -> httpx.Client:
    """Return a client for the space of the environment."""
    return httpx.Client(
        base_url=os.environ["BACKLOG_URL"] + "/api/v2",
        headers={"Backlog-API-Key": os.environ["BACKLOG_API_KEY"]},
        timeout=60,
    )


def issue_pages(http: httpx.Client, since: str | None = None) -> Iterator[list[Record]]:
    """Yield pages of issues, all of them or those that changed on the day of `since` or later: the
    API knows only days.

    In order of creation, so that an edit in the middle of a read moves no row to another page.
    """
    offset = 0
    while True:
        parameters: dict[str, str | int] = {
            "count": PAGE,
            "offset": offset,
            "sort": "created",
            "order": "asc",
        }
        if since:
            parameters["updatedSince"] = since[:10]
        page: list[Record] = http.get("/issues", params=parameters).raise_for_status().json()
        if page:
            yield page
        if len(page) < PAGE:
            return
        offset += PAGE


def comments_of(http: httpx.Client, issue: int) -> Iterator[Record]:
    """Yield the comments of an issue, oldest first."""
    parameters: dict[str, str | int] = {"count": PAGE, "order": "asc"}
    while True:
        page: list[Record] = (
            http.get(f"/issues/{issue}/comments", params=parameters).raise_for_status().json()
        )
        yield from (comment | {"issueId": issue} for comment in page)
        if len(page) < PAGE:
            return
        parameters["minId"] = page[-1]["id"] + 1


def issue_columns(one: Record) -> Record:
    """Return an issue as those store it who keep some columns beside the JSON."""
    return {
        "id": one["id"],
        "project_id": one["projectId"],
        "issue_key": one["issueKey"],
        "summary": one["summary"],
        "description": one["description"],
        "status_id": one["status"]["id"],
        "assignee_id": (one["assignee"] or {}).get("id"),
        "created": one["created"],
        "updated": one["updated"],
    }


def comment_columns(one: Record) -> Record:
    """Return a comment in the same way."""
    scalars = {"id": one["id"], "issue_id": one["issueId"], "content": one["content"]}
    return scalars | {"created": one["created"], "updated": one["updated"]}


def changed(http: httpx.Client) -> Iterator[tuple[list[Record], list[Record]]]:
    """Yield pages of what has changed since the last sync with the comments of their issues, then
    remember how far it went.
    """
    since = last_update()
    newest = since or ""
    comments = "comments" in tables()
    for page in issue_pages(http, since):
        yield page, [one for issue in page if comments for one in comments_of(http, issue["id"])]
        newest = max(newest, *(issue["updated"] for issue in page))
    remember(newest)
