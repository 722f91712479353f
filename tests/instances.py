"""Dagster for tests that run it in their own process."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import dagster as dg
from dagster._core.storage.event_log import InMemoryEventLogStorage
from sqlalchemy import Connection, StaticPool, create_engine


@contextmanager
def in_memory() -> Iterator[dg.DagsterInstance]:
    """Give an instance that knows nothing of other runs."""
    with _unversioned():
        made = dg.DagsterInstance.ephemeral()
    with made as instance:
        _keep_connection(instance)
        yield instance


@contextmanager
def _unversioned() -> Iterator[None]:
    """Let tables in memory have no version, which nobody reads: Alembic takes 40 ms to write it."""
    with ExitStack() as stack:
        for storage in ("runs", "event_log"):
            stack.enter_context(
                patch(f"dagster._core.storage.{storage}.in_memory.stamp_alembic_rev")
            )
        yield


def _keep_connection(instance: dg.DagsterInstance) -> None:
    """Let the storage of events keep one connection: a new one for each event takes as long as what
    it writes.
    """
    storage = instance.event_log_storage
    assert isinstance(storage, InMemoryEventLogStorage)
    kept = create_engine(
        storage._engine.url, poolclass=StaticPool, connect_args={"check_same_thread": False}
    )

    @contextmanager
    def connected() -> Iterator[Connection]:
        with storage._db_lock, kept.begin() as connection:
            yield connection

    storage._connect = connected  # type: ignore[method-assign]
