"""The errors of the warehouse; each message is one line that says what is wrong and what to do.

WarehouseError
+-- WarehouseBusyError     another process holds the lock
"""

from resources.problems.causes import KnownError


class WarehouseError(KnownError):
    """The warehouse cannot be used; the message is one line without a secret, and says
    what to do.
    """

    cause = "warehouse_unusable"


class WarehouseBusyError(WarehouseError):
    """Another process holds the lock; the work can be tried again later."""

    cause = "other_load"
