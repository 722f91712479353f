"""People in the warehouse: who is forgotten, how a person is forgotten, and how stored rows are
masked with a new key.

Records of the source are masked in the transaction that stores them (`sync/store.py`).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine, and_, insert, not_, null, or_, select, text, update

from resources.masking import Forgotten, Mask, fingerprint
from resources.replacements import Replacements
from resources.warehouse.people.mask_stored_rows import (
    PSEUDONYM,
    count_showing,
    erase_texts,
    rewrite,
    shown_names,
)
from resources.warehouse.people.names_of_people import known_by
from resources.warehouse.people.people_columns import PeopleColumn
from resources.warehouse.raw.record_content import sanitise
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.state.builds import marts_locked
from resources.warehouse.state.schema_ops_records import forgotten_users, names
from resources.warehouse.warehouse_errors import WarehouseBusyError

_BUILD_WAIT_SECONDS = 600.0


def _nowhere(_replacements: Replacements) -> None:
    """Replace people in no other place."""


@dataclass(frozen=True)
class Copies:
    """Where people are stored besides raw and ops.

    `columns` are columns of the marts. `replace` replaces people elsewhere, such as in Dagster's
    storage. It is called before the warehouse commits: if the process is killed, the warehouse
    still has the names, so a repetition finds them.
    """

    columns: Sequence[PeopleColumn] = ()
    replace: Callable[[Replacements], None] = _nowhere


NO_COPIES: Final = Copies()


_FORGOTTEN = text(
    "SELECT user_id, fingerprints FROM ops.forgotten_users WHERE space_key = :space_key"
)
#: Both statements in one request, since each transaction of a load begins with them.
_HELD = text(f"LOCK TABLE ops.forgotten_users IN ROW SHARE MODE; {_FORGOTTEN.text}")


def forgotten(conn: Connection, space_key: str, *, held: bool = False) -> Forgotten:
    """Return the forgotten people of a space; with `held`, none is added before the transaction
    ends.
    """
    rows = conn.execute(_HELD if held else _FORGOTTEN, {"space_key": space_key}).all()
    return Forgotten(
        space_key,
        frozenset(user for user, _ in rows),
        {print_: user for user, prints in rows for print_ in prints},
    )


def mask_of(engine: Engine, space_key: str, configured: Mask) -> Mask:
    """Return the configured mask, extended by the people who are forgotten now."""
    with engine.connect() as conn:
        return configured.but(forgotten(conn, space_key))


def hold(conn: Connection, space_key: str, ids: frozenset[int]) -> Forgotten:
    """Block `forget` until the transaction ends; return the forgotten people with the names known
    now.

    A load calls this first in each transaction, so that rows read earlier do not bring back what
    `forget` erases, and so that the two do not deadlock. `ids` are the people who were forgotten
    when the load began.

    Raises:
        WarehouseBusyError: a person was forgotten since then.
    """
    now = forgotten(conn, space_key, held=True)
    if now.ids != ids:
        raise WarehouseBusyError(
            "somebody was forgotten while this load read: nothing more is "
            "written; the next load continues",
            cause="forgotten_meanwhile",
        )
    return now


@dataclass(frozen=True)
class Person:
    """A user of a space: name and login as stored, and when the person was forgotten, if so."""

    space_key: str
    user_id: int
    name: str | None
    login: str | None
    forgotten_at: datetime | None

    def __str__(self) -> str:
        """Return what identifies the person to a reader."""
        known = ", ".join(part for part in (self.name, self.login) if part)
        return f"user {self.user_id}" + (f" ({known})" if known else "")


def person(engine: Engine, space_key: str, user_id: int) -> Person | None:
    """Return a user, also one who has left or is forgotten; None if the warehouse never had this
    id.
    """
    users = SPECS["users"].table.c
    now = select(users.name, users.user_id).where(users.space_key == space_key, users.id == user_id)
    once = select(names.c.name, null()).where(
        names.c.space_key == space_key, names.c.kind == "users", names.c.id == user_id
    )
    gone = select(forgotten_users.c.forgotten_at).where(
        forgotten_users.c.space_key == space_key, forgotten_users.c.user_id == user_id
    )
    with engine.connect() as conn:
        known = (
            conn.execute(now).first()
            or conn.execute(once.order_by(names.c.seen_at.desc()).limit(1)).first()
        )
        forgotten_at = conn.execute(gone).scalar_one_or_none()
    if known is None and forgotten_at is None:
        return None
    name, login = known or (None, None)
    return Person(space_key, user_id, name, login, forgotten_at)


def forget(
    engine: Engine,
    space_key: str,
    user_id: int,
    mask: Mask,
    copies: Copies = NO_COPIES,
) -> dict[str, int]:
    """Erase a user from all schemas and copies, and record the id so that nothing is written again.

    A repetition erases names that became known since, and those that issues and change logs show.
    It is one transaction, in which other loads wait before they write. Return table -> changed
    rows.

    Raises:
        WarehouseError: the warehouse cannot be used, or a build of the marts does not end; nothing
            was erased.
    """
    with _erasing(engine, f"forget of user {user_id}") as conn:
        called, texts = known_by(conn, space_key, user_id)
        _note_forgotten(conn, space_key, user_id, called)
        mask = mask.but(forgotten(conn, space_key))
        done = rewrite(conn, space_key, mask, columns=copies.columns)
        gone = f"forgotten-{user_id}"
        texts |= {old for old, new in done.replaced.items() if new == gone}
        done.changed.update(erase_texts(conn, space_key, texts, gone))
        copies.replace(Replacements({**done.replaced, **dict.fromkeys(texts, gone)}))
    return {table: rows for table, rows in done.changed.items() if rows}


def learn(engine: Engine, space_key: str, mask: Mask, names: Mapping[str, int]) -> dict[str, int]:
    """Record names (name -> id) of people who are forgotten, and erase them from stored rows.

    Return table -> changed rows. Names that are already recorded are already erased.

    Raises:
        WarehouseError: the warehouse cannot be used, or a build of the marts does not end; nothing
            was recorded.
    """
    with engine.connect() as conn:
        if not _not_noted(conn, space_key, mask, names):
            return {}
    changed: Counter[str] = Counter()
    with _erasing(engine, "a new name of a forgotten person") as conn:
        new = _not_noted(conn, space_key, mask, names)
        mask = mask.but(forgotten(conn, space_key)).knowing(new)
        for user in sorted(set(new.values())):
            called = {mask.by_key(name) for name in new if new[name] == user}
            _note_forgotten(conn, space_key, user, called)
            texts = {sanitise(name) for name in new if new[name] == user} | {
                sanitise(name) for name in called
            }
            changed.update(rewrite(conn, space_key, mask, texts).changed)
            changed.update(erase_texts(conn, space_key, texts, f"forgotten-{user}"))
    return {table: rows for table, rows in changed.items() if rows}


def showing(engine: Engine, space_key: str, mask: Mask, names: Mapping[str, int]) -> dict[str, int]:
    """Return table -> rows that show names (name -> id) of forgotten people that no load has
    recorded.
    """
    if not names:
        return {}
    with engine.connect() as conn:
        new = _not_noted(conn, space_key, mask, names)
        texts = {sanitise(form) for name in new for form in (name, mask.by_key(name))}
        return {
            table: rows for table, rows in count_showing(conn, space_key, texts).items() if rows
        }


def _not_noted(
    conn: Connection, space_key: str, mask: Mask, names: Mapping[str, int]
) -> dict[str, int]:
    """Return the names that are not recorded, as received and as stored."""
    noted = forgotten(conn, space_key)
    return {
        form: user
        for name, user in names.items()
        for form in (name, sanitise(name))
        if user in noted.ids and noted.who(mask.by_key(form)) is None
    }


@contextmanager
def _erasing(engine: Engine, why: str) -> Iterator[Connection]:
    """Open a transaction that may rewrite rows: no marts are built, and other loads wait before
    they write.
    """
    with marts_locked(engine, why, _BUILD_WAIT_SECONDS), engine.begin() as conn:
        conn.execute(text("LOCK TABLE ops.forgotten_users IN EXCLUSIVE MODE"))
        yield conn


def remask(
    engine: Engine,
    space_key: str,
    mask: Mask,
    copies: Copies = NO_COPIES,
) -> dict[str, int]:
    """Replace people in rows written without the key, and request rows written with another key
    again.

    Rows with another key hold no names from which to compute new pseudonyms. The next load brings
    the names, if the source still has the record. With a key, other loads wait before they write.

    `mask` is as configured, without forgotten people: they are added here. Return table -> changed
    rows.

    Raises:
        WarehouseError: the warehouse cannot be used, or a build of the marts does not end; nothing
            was changed.
    """
    with _erasing(engine, "masking of what is stored") if mask.key else engine.begin() as conn:
        conn.execute(text("LOCK TABLE ops.forgotten_users IN EXCLUSIVE MODE"))
        mask = mask.but(forgotten(conn, space_key))
        changed: Counter[str] = Counter()
        if not mask.idle:
            done = rewrite(conn, space_key, mask, columns=copies.columns)
            changed.update(done.changed)
            if mask.key or done.replaced:
                copies.replace(Replacements(done.replaced))
        for spec in SPECS.values():
            if named := shown_names(spec):
                table = spec.table
                others = or_(
                    *(
                        and_(
                            name.op("~")(PSEUDONYM),
                            not_(name.startswith(f"user-{mask.tag or '-'}")),
                        )
                        for name in named
                    )
                )
                changed[table.fullname] += conn.execute(
                    update(table)
                    .where(table.c.space_key == space_key, others)
                    .values(content_hash="")
                ).rowcount
    return {table: rows for table, rows in changed.items() if rows}


def _note_forgotten(
    conn: Connection, space_key: str, user_id: int, called: Collection[str]
) -> None:
    """Record a forgotten person and the fingerprints of the names; earlier fingerprints
    are kept.
    """
    prints = {fingerprint(space_key, name) for name in called}
    columns = forgotten_users.c
    chosen = (columns.space_key == space_key, columns.user_id == user_id)
    before = conn.execute(select(columns.fingerprints).where(*chosen)).scalar_one_or_none()
    if before is None:
        conn.execute(
            insert(forgotten_users).values(
                space_key=space_key, user_id=user_id, fingerprints=sorted(prints)
            )
        )
    else:
        conn.execute(
            update(forgotten_users).where(*chosen).values(fingerprints=sorted({*before, *prints}))
        )
