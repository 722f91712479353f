"""The errors of the warehouse, each one line that says what is wrong and what to do.

WarehouseError
+-- WarehouseBusyError     another process holds the lock
"""

from resources.redact import plain_line


class WarehouseError(Exception):
    """The warehouse cannot be used; the message is one line, holds no secret and says what
    to do.
    """

    def __init__(self, message: str) -> None:
        super().__init__(plain_line(message))


class WarehouseBusyError(WarehouseError):
    """Another process holds the lock that was asked for; the work can be tried again later."""
