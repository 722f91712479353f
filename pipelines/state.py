"""What `backlog-elt status` says: connection, access, warehouse, what runs, the last syncs, the last 24 hours, the rate limit.

Add here: another fact an operator asks for. Keep out: how it is drawn (`console.py`).
"""

from dataclasses import asdict
from typing import Any

from pipelines.environment import prepare_storage, source
from pipelines.loading import connection
from pipelines.runtime import Runtime
from resources.backlog.errors import BacklogError, RateLimited
from resources.backlog.resource import BacklogResource
from resources.settings import Settings
from resources.warehouse.conditions import Condition, current
from resources.warehouse.connect import mask
from resources.warehouse.heartbeats import alerts_of, last_beat
from resources.warehouse.history import end_dead, known_spaces, summary
from resources.warehouse.resource import WarehouseResource


def status(settings: Settings) -> dict[str, Any]:
    """Return the object that `status --json` prints; a space that cannot be reached is said in `connection_error`, not raised.

    Raises:
        WarehouseError: the warehouse cannot be reached.
    """
    prepare_storage(settings)
    runtime = Runtime.read(settings.home)
    with source(settings, alive=False), connection() as (backlog, warehouse):
        return {
            **_source_facts(backlog, warehouse),
            "simulated": settings.simulated,
            "warehouse": {
                "url": mask(warehouse.engine.url.render_as_string(hide_password=False)),
                "embedded": settings.warehouse_url is None,
            },
            "dagster": {"url": runtime.dagster_url if runtime else None},
            "service": {"url": runtime.service_url if runtime else None},
        }


def alerter(settings: Settings) -> tuple[dict[str, Any], Condition | None]:
    """Return the part `alerts` of `status`, and the condition of the source, without a request to it.

    Raises:
        WarehouseError: the warehouse cannot be reached.
    """
    prepare_storage(settings)
    with source(settings, alive=False), connection() as (backlog, warehouse):
        return alerts(backlog, warehouse), current(warehouse.engine, backlog.url)


def _source_facts(backlog: BacklogResource, warehouse: WarehouseResource) -> dict[str, Any]:
    error: BacklogError | None = None
    space, limits = None, {}
    # Somebody waits for the answer: a source in trouble is said, not waited for.
    backlog.hurry()
    try:
        client = backlog.client
        space = str(client.space_info()["spaceKey"])
        limits = {name: asdict(limit) for name, limit in client.rate_limit().items()}
    except BacklogError as caught:
        error = caught
    if space is None:
        known = known_spaces(warehouse.engine)
        space = known[0] if len(known) == 1 else None
    end_dead(warehouse.engine, space or "")
    syncs = summary(warehouse.engine, space or "")
    condition = current(warehouse.engine, backlog.url)
    return {
        "space": space,
        # A source whose limit is used up does answer.
        "connected": error is None or isinstance(error, RateLimited),
        "connection_error": None if error is None else str(error),
        "condition": condition.as_json() if condition else None,
        "active": [asdict(sync) for sync in syncs.active],
        "last_syncs": [asdict(sync) for sync in syncs.last.values()],
        "last_24h": asdict(syncs.last_24h),
        "rate_limit": limits,
        "access": _access(backlog),
        "alerts": alerts(backlog, warehouse),
    }


def alerts(backlog: BacklogResource, warehouse: WarehouseResource) -> dict[str, Any]:
    """Return the last sign of life of the alerter and what it told; `alive` is null where no daemon ever ran for this space."""
    beat = last_beat(warehouse.engine, alerts_of(backlog.url))
    if beat is None:
        return {"alive": None, "beat_at": None, "channels": [], "waiting": 0, "open": []}
    beat_at, alive, told = beat
    return {"alive": alive, "beat_at": beat_at, **told}


def _access(backlog: BacklogResource) -> dict[str, Any]:
    """Return how requests are signed, until when that is good, and why it is not renewed any more, if so."""
    if not backlog.uses_oauth:
        return {"kind": "api_key", "expires_at": None, "refused": None}
    held = backlog.token_store.state()
    expires_at, refused = (held.expires_at, held.refused_reason) if held else (None, "nobody is logged in")
    return {"kind": "oauth", "expires_at": expires_at, "refused": refused}
