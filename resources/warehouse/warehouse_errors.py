"""The errors of the warehouse; each message is one line that says what is wrong and what to do.

WarehouseError
+-- WarehouseBusyError     another process holds the lock
"""

from resources.redact import plain_line


class WarehouseError(Exception):
    """The warehouse cannot be used; the message is one line without a secret, and says
    what to do.
    """

    def __init__(self, message: str) -> None:
        super().__init__(plain_line(message))


class WarehouseBusyError(WarehouseError):
    """Another process holds the lock; the work can be tried again later."""
