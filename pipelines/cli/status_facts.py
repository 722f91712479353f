"""The facts of `backlog-elt status`: connection, access, warehouse, active and recent syncs,
failures, rate limit, history.

The space, the warehouse and Dagster's storage are asked at the same time, each with a limit of a
few seconds.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from pipelines.cli.asking import LEAST_SECONDS, Patience, Question
from pipelines.hosting.environment import embedded, open_instance, prepare_storage, source
from pipelines.hosting.runtime import Runtime
from resources.backlog.ratelimit import least_minutes
from resources.credentials import tokens_of
from resources.secret import reveal
from resources.settings import Settings
from resources.warehouse.history.history_writer import adopt
from resources.warehouse.history.sync_outcomes import DAY, summary
from resources.warehouse.server.connect import has_table, mask
from resources.warehouse.server.embedded import ensure_server, is_running
from resources.warehouse.server.pooler import check_pooler
from resources.warehouse.state.heartbeats import NO_BEAT, alerter_state
from resources.warehouse.state.issue_sync_state import count_histories
from resources.warehouse.state.known_spaces import failing_projects, space_or_url
from resources.warehouse.state.seen_conditions import Condition as SourceCondition
from resources.warehouse.state.seen_conditions import current
from resources.warehouse.warehouse_errors import WarehouseError
from service.source import SourceState, look
from service.warehouse import Warehouse
from sync.results.command_results import Condition, LastDay

#: Time limit for all answers; the start of the process takes half a second before it.
LONGEST_SECONDS = 2.2
#: Values while the warehouse does not answer.
_NOTHING_STORED: dict[str, Any] = {
    "condition": None,
    "active": [],
    "last_syncs": [],
    "failing_projects": {},
    "last_24h": dict.fromkeys(LastDay.__annotations__, 0) | {"success_rate": None},
    "history": {"issues": 0, "complete": 0, "open_left": 0, "minutes_left": None},
}


def status_object(settings: Settings) -> dict[str, Any]:
    """Return the object that `status --json` prints.

    A missing answer is reported in it: of the space in `connection_error`, of others in
    `not_asked`. It waits without limit for a server that must be started and for tables that must
    be created.

    Raises:
        WarehouseError: the warehouse refuses.
    """
    runtime = Runtime.read(settings.home)
    prepared = _prepared(settings)
    with source(settings) as settings:
        warehouse, patience = Warehouse(settings), Patience(LONGEST_SECONDS)
        is_new = Question(partial(_is_new, settings, prepared))
        connected = Question(partial(_connected, warehouse, prepared))
        looked = Question(
            partial(look, settings, lambda: _in_time(connected).engine(), LONGEST_SECONDS)
        )
        import pipelines.ended_runs  # noqa: F401  takes a second, meanwhile the answers arrive

        space = SourceState(connected=False, error=f"Backlog: {patience.words}")
        stored = _NOTHING_STORED | {"access": _access(settings, None), "alerts": NO_BEAT}
        silent = "warehouse"
        not_asked, reached = dict[str, str](), None
        try:
            reached = _reached(patience, is_new, connected)
            silent = "dagster"
            patience.answer(Question(partial(_record_run_ends, settings)))
        except TimeoutError:
            not_asked[silent] = patience.words
        try:
            space = patience.answer(looked)
        except TimeoutError:
            pass  # as above
        except WarehouseError:
            if reached is not None:
                raise
        if reached is not None:
            try:
                stored = patience.answer(Question(partial(_stored, reached, settings, space)))
                warehouse.close()
            except TimeoutError:
                not_asked["warehouse"] = patience.words
        return {
            "space": space.space_key,
            "connected": bool(space.connected),
            "connection_error": space.error,
            "rate_limit": space.rate_limit,
            **stored,
            "not_asked": not_asked,
            "simulated": settings.simulated,
            "warehouse": {"url": _url(settings, reached), "embedded": embedded(settings)},
            "dagster": {"url": runtime.dagster_url if runtime else None},
            "service": {"url": runtime.service_url if runtime else None},
        }


def alerter(settings: Settings) -> tuple[dict[str, Any], SourceCondition | None]:
    """Return the part `alerts` of `status`, and the condition of the source, without a request to
    it.

    Raises:
        WarehouseError: the warehouse cannot be reached, or does not answer.
    """
    prepared = _prepared(settings)
    if settings.marts_of:  # a code location without a space has problems of its own
        return _problems(settings, prepared, "")
    with source(settings) as settings:
        return _problems(settings, prepared, settings.backlog_url or "")


def _problems(
    settings: Settings, prepared: Question[None], url: str
) -> tuple[dict[str, Any], SourceCondition | None]:
    warehouse, patience = Warehouse(settings), Patience(LONGEST_SECONDS)
    is_new = Question(partial(_is_new, settings, prepared))
    connected = Question(partial(_connected, warehouse, prepared))
    try:
        engine = _reached(patience, is_new, connected).engine()
        open_now = patience.answer(Question(lambda: alerter_state(engine, url)))
        condition = patience.answer(Question(lambda: current(engine, url))) if url else None
    except TimeoutError:
        raise WarehouseError(f"The warehouse cannot be asked: {patience.words}.") from None
    warehouse.close()
    return open_now, condition


def _prepared(settings: Settings) -> Question[None]:
    """Return a question that ends when the storage is prepared; waits for a server that must be
    started.
    """
    prepared = Question(partial(prepare_storage, settings))
    if not is_running(settings.home):
        prepared.answer()
    return prepared


def _connected(warehouse: Warehouse, prepared: Question[None]) -> Warehouse:
    prepared.answer()
    check_pooler(warehouse.engine())
    return warehouse


def _reached(
    patience: Patience, is_new: Question[bool], connected: Question[Warehouse]
) -> Warehouse:
    """Return the connected warehouse; waits without limit for the tables of a new one.

    Raises:
        TimeoutError: it does not answer.
    """
    return connected.answer() if patience.answer(is_new) else patience.answer(connected)


def _is_new(settings: Settings, prepared: Question[None]) -> bool:
    """Return whether the tables of the warehouse do not exist yet."""
    prepared.answer()
    url = reveal(settings.warehouse_url) or ensure_server(settings.home).url()
    return not has_table(url, "ops.alembic_version")


def _in_time(connected: Question[Warehouse]) -> Warehouse:
    """Return the warehouse, for recording the space's answer and for the tokens of OAuth."""
    try:
        return connected.answer(LEAST_SECONDS)
    except TimeoutError:
        raise WarehouseError("The warehouse does not answer.") from None


def _stored(warehouse: Warehouse, settings: Settings, found: SourceState) -> dict[str, Any]:
    """Return the facts in the warehouse."""
    engine, url = warehouse.engine(), settings.backlog_url or ""
    place = space_or_url(engine, url)
    if found.space_key is not None:
        adopt(engine, found.space_key, url)
        place = found.space_key
    syncs = summary(engine, place)
    condition = current(engine, url)
    return {
        # Without an answer of the source, the space that the last load recorded.
        "space": place if "://" not in place else None,
        "condition": Condition.model_validate(condition, from_attributes=True).model_dump()
        if condition
        else None,
        "active": [asdict(sync) for sync in syncs.active],
        "last_syncs": [asdict(sync) for sync in syncs.last.values()],
        "failing_projects": failing_projects(engine, place),
        "last_24h": syncs.last_24h.model_dump(include={*LastDay.__annotations__}),
        "history": _history(warehouse, place, found.rate_limit.get("read"), settings.rate_reserve),
        "access": _access(settings, warehouse),
        "alerts": alerter_state(engine, url),
    }


def _history(
    warehouse: Warehouse, space_key: str, limit: Mapping[str, Any] | None, reserve: float
) -> dict[str, Any]:
    """Return how many issues have their history stored, and the least time for the others, at one
    request an issue.
    """
    with warehouse.engine().connect() as conn:
        issues, complete, open_left = (
            sum(counts)
            for counts in zip((0, 0, 0), *count_histories(conn, space_key).values(), strict=True)
        )
    minutes = least_minutes(issues - complete, limit["limit"], reserve) if limit else None
    return {"issues": issues, "complete": complete, "open_left": open_left, "minutes_left": minutes}


def _record_run_ends(settings: Settings) -> None:
    """Record the runs of the last day that failed without a sync of their own; Dagster's storage is
    not created for it.
    """
    from pipelines.cli.in_process import opened_warehouse
    from pipelines.ended_runs import record_run_ends

    with opened_warehouse(settings) as warehouse, suppress(WarehouseError):
        if has_table(os.environ["DAGSTER_POSTGRES_URL"], "runs"):
            with open_instance() as instance:
                after = datetime.now(UTC) - DAY
                record_run_ends(instance, warehouse, settings.backlog_url or "", after)


def _access(settings: Settings, warehouse: Warehouse | None) -> dict[str, Any]:
    """Return how requests are signed, until when, and why access is not renewed, if so; without the
    warehouse only how.
    """
    if not settings.oauth or warehouse is None:
        kind = "oauth" if settings.oauth else "api_key"
        return {"kind": kind, "expires_at": None, "refused": None}
    held = tokens_of(settings, warehouse.engine()).state()
    expires_at, refused = (
        (held.expires_at, held.refused_reason) if held else (None, "nobody is logged in")
    )
    return {"kind": "oauth", "expires_at": expires_at, "refused": refused}


def _url(settings: Settings, warehouse: Warehouse | None) -> str:
    """Return the URL of the warehouse without its password; for an embedded server that does not
    answer, only its folder.
    """
    url = (
        warehouse.engine().url.render_as_string(hide_password=False)
        if warehouse is not None
        else reveal(settings.warehouse_url)
    )
    return mask(url or f"postgresql:///warehouse?host={quote(str(settings.home / 'postgres'))}")
