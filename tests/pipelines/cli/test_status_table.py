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
        "failing_projects": {},
    }  # fmt: skip


def test_the_status_of_a_fresh_deployment_says_what_to_do_next(found: dict[str, Any]) -> None:
    shown = status_table(found)
    for said in (
        "acme (simulated)",
        "backlog-elt up starts it",
        "search 149/150",
        "backlog-elt load",
        "4 runs: 2 completed, 1 failed (66.7% success); 9 syncs, 1,200 items, 40 requests",
    ):
        assert said in shown


@pytest.mark.parametrize(
    ("history", "said"),
    [
        ((2_000, 2_000, 0, 0), "all 2,000 issues"),
        (
            (2_000, 1_519, 12, 2),
            "1,519 of 2,000 issues; 12 open ones are next; at least 2 more minutes",
        ),
        ((2_000, 1_999, 0, 1), "1,999 of 2,000 issues; at least 1 more minute"),
        ((2_000, 0, 0, None), "0 of 2,000 issues"),
    ],
)
def test_the_status_says_how_many_issues_have_their_history(
    found: dict[str, Any], history: Any, said: str
) -> None:
    found["history"] = dict(
        zip(("issues", "complete", "open_left", "minutes_left"), history, strict=True)
    )
    [line] = [line for line in status_table(found).splitlines() if line.startswith("history")]
    assert line.removeprefix("history").strip() == said


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


@pytest.mark.parametrize(
    ("access", "said"),
    [
        ({"kind": "api_key", "expires_at": None, "refused": None}, "API key"),
        (
            {"kind": "oauth", "expires_at": UNTIL, "refused": None},
            f"OAuth, good until {UNTIL.astimezone():%Y-%m-%d %H:%M:%S}",
        ),
        (
            {"kind": "oauth", "expires_at": UNTIL, "refused": "invalid_grant"},
            (
                f"OAuth, good until {UNTIL.astimezone():%Y-%m-%d %H:%M:%S}; not renewed: "
                "invalid_grant; run backlog-elt login"
            ),
        ),
        (
            {"kind": "oauth", "expires_at": None, "refused": "nobody is logged in"},
            "OAuth; not renewed: nobody is logged in; run backlog-elt login",
        ),
    ],
)
def test_the_status_says_how_requests_are_signed(
    found: dict[str, Any], access: dict[str, Any], said: str
) -> None:
    [line] = [
        line
        for line in status_table(found | {"access": access}).splitlines()
        if line.startswith("access")
    ]
    assert line.split(maxsplit=1)[1] == said


def test_the_status_shows_why_there_is_no_connection_and_the_last_syncs(
    found: dict[str, Any],
) -> None:
    sync = {
        "sync_type": "users", "mode": "full", "status": "failed", "ended_at": UNTIL,
        "items_synced": 7, "items_failed": 0,
        "requests": 1, "error": "GET /users: 500", "project_key": None, "waiting_for": None,
        "waiting_until": None,
        "progress_done": 1_200, "progress_total": 2_000,
    }  # fmt: skip
    unknown: dict[str, Any] = {
        "space": None,
        "connected": False,
        "connection_error": "check BACKLOG_API_KEY",
        "rate_limit": {},
    }
    shown = status_table(found | unknown | {"last_syncs": [sync], "active": [sync]})
    assert "no: check BACKLOG_API_KEY" in shown
    assert re.search(r"^active +users, 1,200 of 2,000 rows$", shown, re.MULTILINE)
    assert f"{UNTIL.astimezone():%Y-%m-%d %H:%M:%S}" in shown
    assert "GET /users: 500" in shown.splitlines()[-1]


def test_the_status_names_the_projects_whose_last_load_failed(found: dict[str, Any]) -> None:
    failing = {"APP": "GET /issues: 403", "OPS": "GET /issues: 403", "WEB": "the body is not JSON"}
    [line] = [
        line
        for line in status_table(found | {"failing_projects": failing}).splitlines()
        if line.startswith("failing")
    ]
    assert line.split(maxsplit=1)[1] == "APP, OPS: GET /issues: 403; WEB: the body is not JSON"
    assert "failing" not in status_table(found)


def test_the_status_says_which_condition_the_source_is_in_since_when_and_why(
    found: dict[str, Any],
) -> None:
    down = {"kind": "unreachable", "since": UNTIL, "message": "GET /space: no answer"}
    shown = status_table(
        found | {"connected": False, "connection_error": "GET /space: 500", "condition": down}
    )
    assert (
        f"no: it is unreachable since {UNTIL.astimezone():%Y-%m-%d %H:%M:%S}: GET /space: no answer"
        in shown
    )
    busy = status_table(
        found | {"condition": down | {"kind": "rate_limited", "message": "GET /issues: 429"}}
    )
    assert "yes: it is rate-limited by other programs since" in busy


@pytest.mark.parametrize(
    ("alerts", "says"),
    [
        ({"alive": None}, "not running: backlog-elt up starts it"),
        ({}, "nothing is wrong (2026-07-01 03:04:05, sent by slack)"),
        ({"channels": []}, "no channel: set BACKLOG_ALERT_URLS or another"),
        ({"open": [{"asset": "raw/users", "cause": "refused"}]}, "raw/users: refused (2026"),
        ({"alive": False}, "NO SIGN OF LIFE since then: is the daemon running? nothing is wrong"),
    ],
)
def test_the_status_says_whether_somebody_looks_and_what_is_wrong(
    found: dict[str, Any], alerts: dict[str, Any], says: str
) -> None:
    looked = {"alive": True, "beat_at": UNTIL, "channels": ["slack"], "waiting": 0, "open": []}
    assert says in status_table(found | {"alerts": looked | alerts})
