"""What `backlog-elt status` says: connection, access, warehouse, what runs, what ran, what fails,
rate limit, history.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pipelines.cli.in_process import connection
from pipelines.ended_runs import record_run_ends
from pipelines.hosting.environment import embedded, open_instance, prepare_storage, source
from pipelines.hosting.runtime import Runtime
from resources.backlog.backlog_resource import BacklogResource
from resources.backlog.errors import BacklogError, RateLimited
from resources.backlog.ratelimit import least_minutes
from resources.settings import Settings
from resources.warehouse.connect import mask
from resources.warehouse.heartbeats import alerts_of, last_beat
from resources.warehouse.history.history_writer import adopt, end_dead
from resources.warehouse.history.sync_outcomes import DAY, summary
from resources.warehouse.issue_sync_state import count_histories
from resources.warehouse.known_spaces import failing_projects, space_or_url
from resources.warehouse.seen_conditions import Condition as SourceCondition
from resources.warehouse.seen_conditions import current
from resources.warehouse.warehouse_errors import WarehouseError
from resources.warehouse.warehouse_resource import WarehouseResource
from sync.results.command_results import Condition, LastDay


def status_object(settings: Settings) -> dict[str, Any]:
    """Return the object that `status --json` prints; a space that cannot be reached is said in
    `connection_error`, not raised.

    Raises:
        WarehouseError: the warehouse cannot be reached.
    """
    prepare_storage(settings)
    runtime = Runtime.read(settings.home)
    with source(settings), connection() as (backlog, warehouse):
        return {
            **_source_facts(backlog, warehouse),
            "simulated": settings.simulated,
            "warehouse": {
                "url": mask(warehouse.engine.url.render_as_string(hide_password=False)),
                "embedded": embedded(settings),
            },
            "dagster": {"url": runtime.dagster_url if runtime else None},
            "service": {"url": runtime.service_url if runtime else None},
        }


def alerter(settings: Settings) -> tuple[dict[str, Any], SourceCondition | None]:
    """Return the part `alerts` of `status`, and the condition of the source, without a request to
    it.

    Raises:
        WarehouseError: the warehouse cannot be reached.
    """
    prepare_storage(settings)
    if settings.marts_of:  # this code location has no space, but problems of its own
        with connection() as (_, warehouse):
            return alert_facts("", warehouse), None
    with source(settings), connection() as (backlog, warehouse):
        return alert_facts(backlog.url, warehouse), current(warehouse.engine, backlog.url)


def _source_facts(backlog: BacklogResource, warehouse: WarehouseResource) -> dict[str, Any]:
    error: BacklogError | None = None
    space, limits = None, {}
    # Connected first, so that what the look meets is noted in it.
    engine = warehouse.engine
    # Somebody waits for the answer: a source in trouble is said, not waited for.
    backlog.use_short_timeouts()
    try:
        client = backlog.client
        space = str(client.space_info()["spaceKey"])
        limits = {name: asdict(limit) for name, limit in client.rate_limit().items()}
    except BacklogError as caught:
        error = caught
    _record_run_ends(backlog, warehouse)
    place = space_or_url(engine, backlog.url)
    if space is not None:
        adopt(engine, space, backlog.url)
        place = space
    elif "://" not in place:
        space = place
    end_dead(engine, place)
    syncs = summary(engine, place)
    condition = current(engine, backlog.url)
    return {
        "space": space,
        # A source whose limit is used up does answer.
        "connected": error is None or isinstance(error, RateLimited),
        "connection_error": None if error is None else str(error),
        "condition": Condition.model_validate(condition, from_attributes=True).model_dump()
        if condition
        else None,
        "active": [asdict(sync) for sync in syncs.active],
        "last_syncs": [asdict(sync) for sync in syncs.last.values()],
        "failing_projects": failing_projects(engine, place),
        "last_24h": syncs.last_24h.model_dump(include={*LastDay.__annotations__}),
        "rate_limit": limits,
        "history": _history(warehouse, place, limits.get("read"), backlog.rate_reserve),
        "access": _access(backlog),
        "alerts": alert_facts(backlog.url, warehouse),
    }


def _history(
    warehouse: WarehouseResource, space_key: str, limit: Mapping[str, Any] | None, reserve: float
) -> dict[str, Any]:
    """Return how many issues have their history stored, and how long the others take at least, at
    one request an issue.
    """
    with warehouse.engine.connect() as conn:
        issues, complete, open_left = (
            sum(counts)
            for counts in zip((0, 0, 0), *count_histories(conn, space_key).values(), strict=True)
        )
    minutes = least_minutes(issues - complete, limit["limit"], reserve) if limit else None
    return {"issues": issues, "complete": complete, "open_left": open_left, "minutes_left": minutes}


def _record_run_ends(backlog: BacklogResource, warehouse: WarehouseResource) -> None:
    """Record the runs of the last day that ended badly without a sync to report it; without
    Dagster's storage there are none.
    """
    with suppress(WarehouseError), open_instance() as instance:
        record_run_ends(instance, warehouse, backlog.url, datetime.now(UTC) - DAY)


def alert_facts(url: str, warehouse: WarehouseResource) -> dict[str, Any]:
    """Return the last sign of life of the alerter and what it reported; `alive` is null where no
    daemon ever ran for this space.
    """
    beat = last_beat(warehouse.engine, alerts_of(url))
    if beat is None:
        return {"alive": None, "beat_at": None, "channels": [], "waiting": 0, "open": []}
    beat_at, alive, reported = beat
    return {"alive": alive, "beat_at": beat_at, **reported}


def _access(backlog: BacklogResource) -> dict[str, Any]:
    """Return how requests are signed, until when that is good, and why it is not renewed any more,
    if so.
    """
    if not backlog.uses_oauth:
        return {"kind": "api_key", "expires_at": None, "refused": None}
    held = backlog.token_store.state()
    expires_at, refused = (
        (held.expires_at, held.refused_reason) if held else (None, "nobody is logged in")
    )
    return {"kind": "oauth", "expires_at": expires_at, "refused": refused}
