"""Which id had which name at what time. The change log uses the names of its time, and names change
and are reused.

A listing shows names at its time only. Between two listings, the time of a change is unknown. So an
id may have had a name from the last listing without it (from the beginning, if the first listing
shows it) until the first listing without it again.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Connection, select, text

from resources.warehouse.raw.record_content import sanitise
from resources.warehouse.state.schema_ops_records import names as names_table

_OF_OWNER = "n.space_key = :space_key AND n.kind = :kind AND n.owner_id = :owner_id"
_RECORD = text(
    f"""
    WITH given AS (
        SELECT COALESCE(CAST(:moment AS timestamptz), statement_timestamp()) AS moment,
            (SELECT max(GREATEST(seen_at, seen_to)) FROM ops.names AS n
                WHERE {_OF_OWNER}) AS looked_at
    ), listed AS (
        SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:names AS text[])) AS l (id, name)
    ), kept AS (
        UPDATE ops.names AS n SET seen_at = GREATEST(n.seen_at, moment) FROM given, listed AS l
        WHERE {_OF_OWNER} AND n.seen_to IS NULL AND n.id = l.id AND n.name = l.name
    ), ended AS (
        UPDATE ops.names AS n SET seen_to = GREATEST(n.seen_at, moment) FROM given
        WHERE {_OF_OWNER} AND n.seen_to IS NULL AND NOT EXISTS (SELECT FROM listed AS l
            WHERE l.id = n.id AND l.name = n.name)
    )
    INSERT INTO ops.names (space_key, kind, owner_id, id, name, unseen_at, seen_from, seen_at)
    SELECT :space_key, :kind, :owner_id, l.id, l.name, looked_at,
        -- Of two listings in one second the later one begins a little later: both names are kept.
        CASE WHEN looked_at IS NULL THEN '-infinity' ELSE GREATEST(moment, later)
            END, GREATEST(moment, later)
    FROM listed AS l CROSS JOIN given CROSS JOIN LATERAL (
        SELECT max(n.seen_from) + interval '1 microsecond' AS later FROM ops.names AS n
            WHERE {_OF_OWNER} AND n.id = l.id
    ) AS o
    WHERE NOT EXISTS (
        SELECT FROM ops.names AS n WHERE {_OF_OWNER} AND n.seen_to IS NULL AND n.id = l.id
            AND n.name = l.name
    )
    ON CONFLICT DO NOTHING
    """  # noqa: S608  the condition stands above
)


def record_names(
    conn: Connection,
    space_key: str,
    kind: str,
    owner_id: int,
    names: Mapping[int, str],
    *,
    at: datetime | None = None,
) -> None:
    """Record a complete listing: new names begin, missing names end. Repeating it changes nothing
    else.

    Args:
        conn: a connection inside the caller's transaction.
        space_key: the space.
        kind: `statuses`, `issue_types`, `categories`, `versions`, `priorities`, `resolutions`,
            `users`, `custom_field_items` …
        owner_id: the project or custom field that was listed; 0: the space.
        names: id -> name of everything that was listed.
        at: when it was listed, by the source's clock; default: now.
    """
    shown = {number: sanitise(name) for number, name in names.items()}
    values = {"ids": list(shown), "names": list(shown.values()), "moment": at}
    conn.execute(_RECORD, {"space_key": space_key, "kind": kind, "owner_id": owner_id, **values})


#: A listing takes time, and clocks differ: this margin around its time counts as between two
#: listings.
SLACK = timedelta(minutes=1)


@dataclass(frozen=True)
class _Held:
    """A period in which an id may have had a name: from the last listing without it (None: always)
    until the next one (None: it still has it).
    """

    id: int
    since: datetime | None
    until: datetime | None

    def at(self, moment: datetime) -> bool:
        return (self.since is None or self.since - SLACK <= moment) and (
            self.until is None or moment <= self.until + SLACK
        )


_COMMA = re.compile(", ?")


class Names:
    """The names of a space as they were when read; later listings are not seen."""

    def __init__(self, held: Mapping[tuple[str, int], Mapping[str, list[_Held]]]) -> None:
        self._held = held

    @classmethod
    def read(cls, conn: Connection, space_key: str) -> "Names":
        """Read all names of a space, those that ended included."""
        held: dict[tuple[str, int], dict[str, list[_Held]]] = defaultdict(lambda: defaultdict(list))
        columns = names_table.c
        for kind, owner_id, name, *held_by in conn.execute(
            select(
                columns.kind,
                columns.owner_id,
                columns.name,
                columns.id,
                columns.unseen_at,
                columns.seen_to,
            ).where(columns.space_key == space_key)
        ):
            held[kind, owner_id][name].append(_Held(*held_by))
        return cls({owner: dict(found) for owner, found in held.items()})

    def resolve(self, kind: str, owner_id: int, name: str, at: datetime) -> int | None:
        """Return the id that had a name at a time, or None when unknown.

        It is the only id that may have had it then, or, if none may, the only one that ever had it.
        Unknown are names that ended before the first listing, and changes since the last one.
        """
        held = self._held.get((kind, owner_id), {}).get(sanitise(name), [])
        return _only(one.id for one in [one for one in held if one.at(at)] or held)

    def resolve_list(self, kind: str, owner_id: int, text: str, at: datetime) -> list[int] | None:
        """Return the ids of a list in the change log (`Infra, Web`), in its order; None when one is
        unknown.

        Names may contain commas, so every way to split the text is tried, with the names of that
        time, else with all names. Exactly one way must fit. An empty text is an empty list.
        """
        known = self._held.get((kind, owner_id), {})
        then = {
            name: held
            for name, all_held in known.items()
            if (held := [one for one in all_held if one.at(at)])
        }
        shown: str = sanitise(text)
        readings = _readings(shown, then) or _readings(shown, known)
        found = next(iter(readings), (None,))
        return (
            None
            if len(readings) != 1 or None in found
            else [number for number in found if number is not None]
        )


def _only(ids: Iterable[int]) -> int | None:
    different = set(ids)
    return different.pop() if len(different) == 1 else None


def _readings(shown: str, known: Mapping[str, Sequence[_Held]]) -> set[tuple[int | None, ...]]:
    """Return the ways to split a list into known names, as ids (None: several have the name); at
    most two ways.
    """
    if not shown:
        return {()}
    commas = list(_COMMA.finditer(shown))
    starts, ends = (
        [0, *(comma.end() for comma in commas)],
        [*(comma.start() for comma in commas), len(shown)],
    )
    longest = max(map(len, known), default=0)
    of_rest: list[set[tuple[int | None, ...]]] = [set() for _ in starts] + [{()}]
    for first in reversed(range(len(starts))):
        found: set[tuple[int | None, ...]] = set()
        for last in range(first, len(ends)):
            name = shown[starts[first] : ends[last]]
            if len(name) > longest:
                break
            if name in known:
                found |= {
                    (_only(one.id for one in known[name]), *rest) for rest in of_rest[last + 1]
                }
        of_rest[first] = set(islice(found, 2))
    return of_rest[0]
