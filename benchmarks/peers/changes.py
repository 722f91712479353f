"""What people do in the simulated space between two syncs; it follows from the space alone, so that
all see the same.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from benchmarks.workshop import api, control
from simulator import SpawnedSimulator

HOUR, DAY = 3_600, 86_400
Issue = dict[str, Any]


def one_percent(simulator: SpawnedSimulator, issues: list[Issue]) -> None:
    """Let an hour pass in which every hundredth issue gets another summary."""
    moments = _pass(simulator, HOUR, len(issues) // 100)
    for issue, moment in zip(issues[50::100], moments, strict=False):
        _act(
            simulator,
            "edit_issue",
            issue=issue["id"],
            summary=f"{issue['summary']} (changed)",
            at=moment,
        )


def a_day(simulator: SpawnedSimulator, issues: list[Issue], seconds: int = DAY) -> None:
    """Let a day pass: edits, steps of work, new issues, comments said, rewritten and taken back,
    deleted issues.

    `seconds` is how long the day is.
    """
    some = max(2, len(issues) // 100)
    few = max(2, len(issues) // 500)
    chosen = iter(random.Random(7).sample(issues, 3 * some + 3 * few))  # noqa: S311 - no secret
    moments = iter(_pass(simulator, seconds, 4 * some + 3 * few))

    def take(number: int) -> Iterator[tuple[Issue, str]]:
        return zip((next(chosen) for _ in range(number)), moments, strict=False)

    for issue, moment in take(some):
        _act(
            simulator,
            "edit_issue",
            issue=issue["id"],
            summary=f"{issue['summary']} (edited)",
            at=moment,
        )
    for issue, moment in take(some):
        status = 3 if issue["status"]["id"] == 2 else 2
        _act(simulator, "edit_issue", issue=issue["id"], status_id=status, at=moment)
    for issue, moment in take(some):
        _act(simulator, "comment", issue=issue["id"], content="Said today", at=moment)
        _act(
            simulator,
            "create_issue",
            project=issue["issueKey"].rpartition("-")[0],
            summary="New today",
            at=next(moments),
        )
    for issue, moment in take(few):
        if comment := _comment(simulator, issue):
            _act(simulator, "edit_comment", comment=comment, content="Rewritten today", at=moment)
    for issue, _ in take(few):
        if comment := _comment(simulator, issue):
            _act(simulator, "delete_comment", comment=comment)
    for issue, moment in take(few):
        _act(simulator, "delete_issue", issue=issue["id"], at=moment)


def editable(simulator: SpawnedSimulator) -> list[Issue]:
    """Return all issues of projects that are not archived, by id; reading them also warms the
    simulator up.
    """
    active = "&".join(
        f"projectId[]={one['id']}" for one in api(simulator, "/projects?archived=false")
    )
    found: dict[int, Issue] = {}
    offset = 0
    while page := api(
        simulator, f"/issues?count=100&offset={offset}&sort=created&order=asc&{active}"
    ):
        for one in page:
            found[one["id"]] = {name: one[name] for name in ("id", "issueKey", "summary", "status")}
        offset += 100
    return [found[key] for key in sorted(found)]


def _comment(simulator: SpawnedSimulator, issue: Issue) -> int | None:
    """Return a comment of an issue in which something is said."""
    said = [
        one["id"]
        for one in api(simulator, f"/issues/{issue['id']}/comments?count=100")
        if one["content"]
    ]
    return said[0] if said else None


def _pass(simulator: SpawnedSimulator, seconds: int, number: int) -> list[str]:
    """Let time pass, and return so many moments in it."""
    now = datetime.fromisoformat(control(simulator, "/clock", {"advance": seconds})["now"])
    step = seconds / (number + 1)
    return [
        (now - timedelta(seconds=int(seconds - step * (place + 1)))).isoformat()
        for place in range(number)
    ]


def _act(simulator: SpawnedSimulator, action: str, **arguments: Any) -> None:
    control(simulator, "/actions", {"action": action, "arguments": arguments})
