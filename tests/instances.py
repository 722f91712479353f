"""Dagster for tests that run it in their own process."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from assets.dagster_internals import store_together


@contextmanager
def in_memory() -> Iterator[dg.DagsterInstance]:
    """Give an instance that writes events of many partitions together, as commands have it; it knows nothing of other runs."""
    with dg.DagsterInstance.ephemeral() as instance:
        store_together(instance)
        yield instance
