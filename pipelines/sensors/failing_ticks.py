"""A tick of a sensor that cannot look fails with the reason, so that an outage does not look like
idleness.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from resources.backlog.errors import BacklogError
from resources.warehouse.warehouse_errors import WarehouseError


class LookFailedError(dg.DagsterError):
    """A sensor could not look; the message says why, and what to do.

    Dagster shows errors of this base class as they are, not wrapped in one that says where the
    sensor was evaluated.
    """


@contextmanager
def looking_at(what: str) -> Iterator[None]:
    """Let the tick fail when the source or the warehouse does; its cursor stays as it was.

    Raises:
        LookFailedError: `what` could not be read.
    """
    try:
        yield
    except (BacklogError, WarehouseError) as error:
        raise LookFailedError(f"{what} could not be read: {error}") from None
