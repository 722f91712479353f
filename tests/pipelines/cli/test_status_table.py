"""What `status` shows a person: one line for each thing that matters, in few words."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.cli.status_command import status_table

UNTIL = datetime(2026, 7, 1, 3, 4, 5, tzinfo=UTC)
DAY = {
    "runs": 4,
    "completed": 2,
    "failed": 1,
    "success_rate": 2 / 3,
    "syncs": 9,
    "items": 1_200,
    "requests": 40,
}


@pytest.fixture
def found() -> dict[str, Any]:
    """Return what `status` finds right after the first start."""
    return {
        "space": "acme", "simulated": True, "connected": True, "connection_error": None,
        "condition": None,
        "warehouse": {"url": "postgresql://w", "embedded": True}, "dagster": {"url": None},
        "service": {"url": None}, "active": [],
        "last_syncs": [],
        "alerts": {"alive": None, "beat_at": None, "channels": [], "waiting": 0, "open": []},
        "last_24h": DAY, "rate_limit": {"search": {"limit": 150, "remaining": 149, "reset": UNTIL}},
        "access": {"kind": "api_key", "expires_at": None, "refused": None},
        "history": {"issues": 0, "complete": 0, "open_left": 0, "minutes_left": None},
        "failing_projects": {}, "not_asked": {},
    }  # fmt: skip


KEPT_ALIVE = (
    "application_name=backlog-elt&connect_timeout=10&keepalives_count=4&keepalives_idle=60"
    "&tcp_user_timeout=120000"
)


@pytest.mark.parametrize(
    ("url", "embedded", "short", "psql"),
    [
        (
            f"postgresql://postgres@/warehouse?{KEPT_ALIVE}&host=%2Fhome%2Fme%2F.elt%2Fpostgres&port=5432",
            True,
            "embedded, in /home/me/.elt/postgres",
            "psql -h /home/me/.elt/postgres -p 5432 -U postgres -d warehouse",
        ),
        (
            "postgresql://postgres@/warehouse?host=%2Ftmp%2Fb-1&port=5432",
            True,
            "embedded",
            "psql -h /tmp/b-1 -p 5432 -U postgres -d warehouse",
        ),
        (
            "postgresql://elt:***@db.example.com:5433/tables?sslmode=verify-full&connect_timeout=10",
            False,
            "tables on db.example.com:5433, as elt",
            "psql 'postgresql://elt@db.example.com:5433/tables?sslmode=verify-full'",
        ),
        (
            "postgresql://elt:***@db/tables",
            False,
            "tables on db, as elt",
            "psql postgresql://elt@db/tables",
        ),
    ],
)
def test_the_status_says_in_few_words_where_the_tables_are_and_how_to_open_them(
    found: dict[str, Any], url: str, embedded: bool, short: str, psql: str
) -> None:
    shown = status_table(found | {"warehouse": {"url": url, "embedded": embedded}})
    assert re.search(rf"^warehouse +{re.escape(short)}$", shown, re.MULTILINE)
    [line] = re.findall(r"^SQL +(.*)$", shown, re.MULTILINE)
    assert line.partition(" ")[0].endswith("psql")
    assert line.partition(" ")[2] == psql.partition(" ")[2]


SYNC = {
    "sync_type": "users", "mode": "full", "status": "failed", "ended_at": UNTIL,
    "items_synced": 7, "items_failed": 0, "requests": 1, "error": "GET /users: 500",
    "project_key": None, "waiting_for": None, "waiting_until": None,
    "progress_done": 1_200, "progress_total": 2_000,
}  # fmt: skip
AT = f"{UNTIL.astimezone():%Y-%m-%d %H:%M:%S}"
OAUTH = {"kind": "oauth", "expires_at": UNTIL, "refused": None}
LOOKED = {"alive": True, "beat_at": UNTIL, "channels": ["slack"], "waiting": 0, "open": []}
DOWN = {"kind": "unreachable", "since": UNTIL, "message": "GET /space: no answer"}
BUSY = DOWN | {"kind": "rate_limited", "message": "GET /issues: 429"}
FAILING = {"APP": "GET /issues: 403", "OPS": "GET /issues: 403", "WEB": "the body is not JSON"}


def history(issues: int, complete: int, open_left: int, minutes: int | None) -> dict[str, Any]:
    found = {"issues": issues, "complete": complete, "open_left": open_left}
    return {"history": found | {"minutes_left": minutes}}


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("space", {}, "acme (simulated)"),
        ("dagster", {}, "backlog-elt up starts it"),
        ("rate limit", {}, "search 149/150"),
        (
            "last 24 hours",
            {},
            "4 runs: 2 completed, 1 failed (66.7% success); 9 syncs, 1,200 items, 40 requests",
        ),
        ("history", history(2_000, 2_000, 0, 0), "all 2,000 issues"),
        (
            "history",
            history(2_000, 1_519, 12, 2),
            "1,519 of 2,000 issues; 12 open ones are next; at least 2 more minutes",
        ),
        ("history", history(2_000, 1_999, 0, 1), "1,999 of 2,000 issues; at least 1 more minute"),
        ("history", history(2_000, 0, 0, None), "0 of 2,000 issues"),
        ("access", {}, "API key"),
        ("access", {"access": OAUTH}, f"OAuth, good until {AT}"),
        (
            "access",
            {"access": OAUTH | {"refused": "invalid_grant"}},
            f"OAuth, good until {AT}; not renewed: invalid_grant; run backlog-elt login",
        ),
        (
            "access",
            {"access": OAUTH | {"expires_at": None, "refused": "nobody is logged in"}},
            "OAuth; not renewed: nobody is logged in; run backlog-elt login",
        ),
        ("connected", {"connected": False, "connection_error": "check it"}, "no: check it"),
        (
            "connected",
            {"connected": False, "connection_error": "GET /space: 500", "condition": DOWN},
            f"no: it is unreachable since {AT}: GET /space: no answer",
        ),
        ("connected", {"condition": BUSY}, "yes: it is rate-limited by other programs since"),
        ("active", {"active": [SYNC]}, "users, 1,200 of 2,000 rows"),
        (
            "failing",
            {"failing_projects": FAILING},
            "APP, OPS: GET /issues: 403; WEB: the body is not JSON",
        ),
        ("alerts", {}, "not running: backlog-elt up starts it"),
        ("alerts", {"alerts": LOOKED}, f"nothing is wrong ({AT}, sent by slack)"),
        ("alerts", {"alerts": LOOKED | {"channels": []}}, "set BACKLOG_ALERT_URLS or another"),
        (
            "alerts",
            {"alerts": LOOKED | {"open": [{"asset": "raw/users", "cause": "refused"}]}},
            "raw/users: refused (2026",
        ),
        ("alerts", {"alerts": LOOKED | {"alive": False}}, "NO SIGN OF LIFE since then"),
    ],
)
def test_a_line_of_the_status_says_in_few_words_what_matters(
    found: dict[str, Any], name: str, change: dict[str, Any], said: str
) -> None:
    [line] = [one for one in status_table(found | change).splitlines() if one.startswith(name)]
    assert said in line


def test_the_last_syncs_are_a_table_and_where_there_are_none_the_command_is_named(
    found: dict[str, Any],
) -> None:
    assert status_table(found).endswith("backlog-elt load")
    last = status_table(found | {"last_syncs": [SYNC]}).splitlines()[-1]
    assert (AT in last, "GET /users: 500" in last) == (True, True)
