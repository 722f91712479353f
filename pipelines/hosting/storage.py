"""Dagster's storage in PostgreSQL, with connections that are used again; `dagster.yaml` names it.

By itself the storage of dagster-postgres opens a connection for each statement, some 990 in a load
that has nothing to do. Its own `optimize_for_webserver` lets it keep one for runs, one for events
and one for schedules. They are tested before use, so that a restart of the server costs no run, and
closed together with Dagster's instance, which a code server opens anew for each tick of a sensor.
"""

from typing import Any, Self

from dagster_postgres import DagsterPostgresStorage, PostgresRunStorage
from dagster_postgres.utils import get_token_provider_from_config, pg_url_from_config

from assets.dagster_internals import keep_connections
from resources.warehouse.tested_pools import engines_made, tested


class ClosedRunStorage(PostgresRunStorage):
    """The runs; closes the pools of all three storages when Dagster disposes of its instance."""

    pools: tuple[Any, ...] = ()

    def dispose(self) -> None:
        """Close the connections that rest in the pools."""
        super().dispose()
        for pool in self.pools:
            pool.dispose()


class PooledStorage(DagsterPostgresStorage):
    """Runs, events and schedules over pools of connections, in UTF8."""

    runs: ClosedRunStorage

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Self:
        """Return the storage of `dagster.yaml`, with the options of `storage: postgres:`.

        Raises:
            DagsterPostgresException: the server cannot be used.
        """
        # In the URL, since Dagster makes connections of its own, too.
        url = tested(pg_url_from_config(config_value))
        tokens = get_token_provider_from_config(config_value)
        made = cls(url, config_value.get("should_autocreate_tables", True), inst_data, tokens)
        made.runs = ClosedRunStorage(url, should_autocreate_tables=False, token_provider=tokens)
        with engines_made() as pools:
            keep_connections(made)
        made.runs.pools = tuple(pools)
        return made

    @property
    def run_storage(self) -> PostgresRunStorage:
        """Return the storage of runs, which closes all pools."""
        return self.runs
