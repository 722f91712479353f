"""Dagster's storage in PostgreSQL, with connections that are used again; `dagster.yaml` names it.

By itself the storage of dagster-postgres opens a connection for each statement, some 990 in a load
that has nothing to do. Its own `optimize_for_webserver` lets it keep one for runs, one for events
and one for schedules. They are tested before use, so that a restart of the server costs no run.
"""

from collections.abc import Sequence
from typing import Any, Self

from dagster_postgres import DagsterPostgresStorage, PostgresRunStorage
from dagster_postgres.utils import get_token_provider_from_config, pg_url_from_config
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_fixed

from resources.warehouse.server.tested_pools import tested

#: Firewalls forget connections that rest for some minutes.
_RECYCLE_SECONDS = 300
#: SQLSTATE of a type that exists. Where another process makes the tables at the same moment,
#: Dagster itself tries again if a table is there already, but not if it is the type of its rows.
_TYPE_EXISTS = "42710"
_making_tables = Retrying(
    retry=retry_if_exception(
        lambda error: getattr(getattr(error, "orig", None), "pgcode", None) == _TYPE_EXISTS
    ),
    stop=stop_after_attempt(10),
    wait=wait_fixed(0.5),
    reraise=True,
)


class _Runs(PostgresRunStorage):
    """The storage that Dagster disposes of with its instance, as after each tick of a sensor."""

    engines: Sequence[Any] = ()

    def dispose(self) -> None:
        """Close the connections of all three storages."""
        super().dispose()
        for engine in self.engines:
            engine.dispose()


class PooledStorage(DagsterPostgresStorage):
    """Runs, events and schedules over pools of connections, in UTF8."""

    runs: _Runs

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Self:
        """Return the storage of `dagster.yaml`, with the options of `storage: postgres:`."""
        # In the URL, since Dagster's webserver makes pools of its own.
        url = tested(pg_url_from_config(config_value))
        tokens = get_token_provider_from_config(config_value)
        autocreate = config_value.get("should_autocreate_tables", True)
        made = _making_tables(cls, url, autocreate, inst_data, tokens)
        made.runs = _Runs(url, should_autocreate_tables=False, token_provider=tokens)
        events: Any = made.event_log_storage
        schedules: Any = made.schedule_storage
        for one in (made.runs, events, schedules):
            one.optimize_for_webserver(0, pool_recycle=_RECYCLE_SECONDS, max_overflow=-1)
        with (
            made.runs.connect() as runs,
            events.index_connection() as index,
            schedules.connect() as ticks,
        ):
            made.runs.engines = runs.engine, index.engine, ticks.engine
        return made

    @property
    def run_storage(self) -> PostgresRunStorage:
        """Return the storage of runs that closes all connections."""
        return self.runs
