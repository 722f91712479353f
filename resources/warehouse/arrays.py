"""Ids as one array parameter of a statement."""

from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, ColumnElement, literal
from sqlalchemy.dialects.postgresql import ARRAY


def bigints(ids: Iterable[int]) -> ColumnElement[Sequence[int]]:
    """Return ids as a PostgreSQL array, for `= ANY` or `unnest`."""
    return literal(list(ids), ARRAY(BigInteger()))
