"""People in the warehouse: who is forgotten, how somebody is, and how a new key comes to what is
stored.

Records of the source are masked in the transaction that stores them (`sync/store.py`).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine, and_, insert, not_, null, or_, select, text, update

from resources.privacy import Forgotten, Mask, fingerprint
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
    """Where people stand besides raw and ops.

    `columns` are those of the marts. `replace` replaces people in what is stored elsewhere, such as
    Dagster's storage. It is called before the warehouse commits, which has the names: after an
    attempt that was broken off the next one has them, too.
    """

    columns: Sequence[PeopleColumn] = ()
    replace: Callable[[Replacements], None] = _nowhere


NO_COPIES: Final = Copies()


_FORGOTTEN = text(
    "SELECT user_id, fingerprints FROM ops.forgotten_users WHERE space_key = :space_key"
)
#: Each transaction of a load begins with these: one question to the server instead of two.
_HELD = text(f"LOCK TABLE ops.forgotten_users IN ROW SHARE MODE; {_FORGOTTEN.text}")


def forgotten(conn: Connection, space_key: str, *, held: bool = False) -> Forgotten:
    """Return the people of a space who are to be forgotten; `held`: nobody is added to them before
    the transaction ends.
    """
    rows = conn.execute(_HELD if held else _FORGOTTEN, {"space_key": space_key}).all()
    return Forgotten(
        space_key,
        frozenset(user for user, _ in rows),
        {print_: user for user, prints in rows for print_ in prints},
    )


def mask_of(engine: Engine, space_key: str, configured: Mask) -> Mask:
    """Return the mask that replaces those, too, who are forgotten now."""
    with engine.connect() as conn:
        return configured.but(forgotten(conn, space_key))


def hold(conn: Connection, space_key: str, ids: frozenset[int]) -> Forgotten:
    """Hold off `forget` until the transaction ends, so that rows read before it bring back nothing
    that it erases; return who is forgotten, by the names that are known now.

    The first thing in a transaction: what erases somebody waits for its end, and changes rows that
    it may touch. `ids` are those who were forgotten when the load began.

    Raises:
        WarehouseBusyError: somebody was forgotten since then.
    """
    now = forgotten(conn, space_key, held=True)
    if now.ids != ids:
        raise WarehouseBusyError(
            "somebody was forgotten while this load read: nothing more is "
            "written; the next load continues"
        )
    return now


@dataclass(frozen=True)
class Person:
    """Who has an id in a space: name and login as the warehouse has them, and when the person was
    forgotten, if so.
    """

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
    """Return who has an id, also somebody who is gone or forgotten; None: the warehouse has never
    had a user of this id.
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
    """Erase a user from all schemas and copies, and note the id so that nothing is written again.

    Once more, it erases names that became known since then, and those that issues and change logs
    show. All in one transaction: other loads wait with what they write until it ends. Return table
    -> rows that were changed.

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
    """Note names (name -> id) of people who are forgotten, and erase them where they are stored.

    Return table -> rows that were changed. Names that are noted already are erased already.

    Raises:
        WarehouseError: the warehouse cannot be used, or a build of the marts does not end; nothing
            was noted.
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
    """Return table -> rows that show one of some names (name -> id) of people who are forgotten
    that no load has noted.
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
    """Return those of some names, as they come and as they are stored, that are not noted."""
    noted = forgotten(conn, space_key)
    return {
        form: user
        for name, user in names.items()
        for form in (name, sanitise(name))
        if user in noted.ids and noted.who(mask.by_key(form)) is None
    }


@contextmanager
def _erasing(engine: Engine, why: str) -> Iterator[Connection]:
    """Open a transaction in which rows may be rewritten: no marts are built, and other loads wait
    with what they write.
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
    """Replace people in what was written without the key, and ask for rows of another key anew.

    These hold no names from which new pseudonyms could be made: the load that follows brings them,
    where the source still has the record. With a key other loads wait with what they write.

    `mask` is as it is configured: those who are forgotten are found here. Return table -> rows that
    were changed.

    Raises:
        WarehouseError: the warehouse cannot be used, or a build of the marts does not end;
            nothing was changed.
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
            named = shown_names(spec)
            if named:
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
    """Note who is forgotten, by which names; who was so before keeps the fingerprints of
    then, too.
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
