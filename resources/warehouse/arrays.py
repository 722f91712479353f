"""Ids as one parameter of a statement, however many there are."""

from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, ColumnElement, literal
from sqlalchemy.dialects.postgresql import ARRAY


def bigints(ids: Iterable[int]) -> ColumnElement[Sequence[int]]:
    """Return ids as an array of PostgreSQL, for `= ANY` or `unnest`."""
    return literal(list(ids), ARRAY(BigInteger()))
