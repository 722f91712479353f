"""Dagster's storage in PostgreSQL, with connections that are used again; `dagster.yaml` names it.

Dagster's own opens a connection for each statement, except in its webserver: 340 in a run that has
nothing to do, and seven a second in a deployment at rest, at 10 ms each. And it lists the tables of
the database three times whenever it is opened, as for a tick of a sensor.
"""

from typing import Any, Self

from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import (
    create_pg_connection,
    create_pg_engine,
    get_token_provider_from_config,
    pg_url_from_config,
)

from assets.dagster_internals import remember_schema, store_together
from resources.warehouse.connect import in_utf8

#: Connections that a process keeps; those of more threads at once are closed after use.
KEPT = 3
#: Firewalls forget connections that rest for some minutes.
_RECYCLE_SECONDS = 300
#: A table of each storage, and the one that a later release added.
_TABLES = ("runs", "instance_info", "event_logs", "jobs")
_COUNT = (
    # constants
    f"SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename IN {_TABLES}"  # noqa: S608
)


class PooledStorage(DagsterPostgresStorage):
    """Runs, events and schedules over one pool of connections, each tested before it is used;
    events are written together.
    """

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: Any = None,
        token_provider: Any = None,
    ) -> None:
        """Take the arguments of Dagster's class; tables that are missing are made.

        Raises:
            DagsterPostgresException: the server cannot be used.
        """
        # In the URL, since Dagster makes connections of its own, too.
        postgres_url = in_utf8(postgres_url)
        engine = create_pg_engine(
            postgres_url,
            token_provider,
            isolation_level="AUTOCOMMIT",
            pool_size=KEPT,
            max_overflow=-1,
            pool_pre_ping=True,
            pool_recycle=_RECYCLE_SECONDS,
        )
        with create_pg_connection(engine) as connection:
            found = connection.exec_driver_sql(_COUNT).scalar_one()
        super().__init__(
            postgres_url,
            should_autocreate_tables and found < len(_TABLES),
            inst_data,
            token_provider,
        )
        self.should_autocreate_tables = should_autocreate_tables
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = engine
        # Dagster has it closed with the instance.
        self._run_storage.dispose = engine.dispose  # type: ignore[method-assign]
        remember_schema(self)
        store_together(self)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Self:
        """Return the storage that `dagster.yaml` describes, with the options of `storage:
        postgres:`.
        """
        return cls(
            pg_url_from_config(config_value),
            config_value.get("should_autocreate_tables", True),
            inst_data,
            get_token_provider_from_config(config_value),
        )
