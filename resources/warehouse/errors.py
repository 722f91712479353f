"""The errors of the warehouse, each one line that says what is wrong and what to do.

WarehouseError
+-- WarehouseBusyError     another process holds the lock
"""


class WarehouseError(Exception):
    """The warehouse cannot be used; the message is one line, holds no secret and says what to do."""


class WarehouseBusyError(WarehouseError):
    """Another process holds the lock that was asked for; the work can be tried again later."""
