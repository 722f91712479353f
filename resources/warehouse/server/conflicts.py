"""Transactions that PostgreSQL rolls back because others are in their way: they are done again.

A function is decorated where all that it does is one transaction, so that it can be done again as a
whole: it asks Backlog nothing and consumes no iterator. What asks on the way (a load of projects,
requested issues) is not repeated; it fails, and the next load reads it again.
"""

from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random

#: SQLSTATE of a deadlock and of a serialisation failure: nothing was written.
_ROLLED_BACK = {"40P01", "40001"}


def _was_rolled_back(error: BaseException) -> bool:
    return getattr(error.__cause__, "pgcode", None) in _ROLLED_BACK


retried_on_conflict = retry(
    retry=retry_if_exception(_was_rolled_back),
    stop=stop_after_attempt(3),
    wait=wait_random(max=0.2),  # seconds
    reraise=True,
)
"""Do a function again that is one transaction, if PostgreSQL has rolled that back; the third error
is raised as it is.
"""
