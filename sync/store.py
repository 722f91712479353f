"""The only transactions of a load: they commit only while it holds its locks.

What is committed together, and what a load leaves that is killed before or after:

- issues: a page and the checkpoint behind it (`issue_writes.py`). The next load reads on from the
  checkpoint; a page that was under way is read again, and the merge makes it exactly once.
- absence: stored issues that a whole read has not met are proven and marked, with their comments
  and changes and with requests for their children (`lookups.py`), before a checkpoint passes them:
  the next load does not know what this one has met.
- acknowledgement: of requested issues (`lookups.py`), after the rows or marks that serve them. In
  between: they are read once more.
- watermark: of projects, their checkpoints cleared, and success (`watermarks.py`), last of all: a
  pass that was not finished is continued, or read again from the old watermark on. Where the rest
  of a whole read has ended, it moves to when the first try began: changes since then come next.
- comments: a batch, its changes, how far its issues are read, and what that acknowledges
  (`comment_writes.py`). A whole read marks what is gone only at its end, and begins anew.
- activities: a page, what it requests, and how far the feed is read (`activity_writes.py`); where
  it reports a join, also that the project is not covered and its reads are forgotten.
- gap: the requests for what the feed has lost, before the page that moves the cursor over it. In
  between: the next load finds the gap again.
- list: its rows, the marks of what it lacks, and requests for the issues that refer to these
  (`writer.py`).
- quarantine: a settled entry, after the read that settles it. In between: one more try.

What else writes the same rows at the same time (another load, the inbox of webhooks, `verify`) must
not wait in a circle. So each transaction locks in this order, and rows of one table by their key:

1. `ops.forgotten_users`, which keeps `forget` and masking out until the end;
2. `raw`: activities, issues, comments, changes (`ops.deletions` with each); a list by itself;
3. `ops.rejected_records`, `ops.webhook_events`;
4. `ops.issue_sync_state`: all issues in one statement, or first by `lock_sync_state`;
5. `ops.sync_state`: checkpoints, watermarks, how far the feed is read.

Where it is not kept (entries that a read settles after its requests, rows that `verify` corrects,
several projects that are deleted at once), PostgreSQL ends a circle by rolling back a transaction,
which is done again where `retried_on_conflict` says so.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from logging import Logger

from sqlalchemy import Connection, Engine

from resources.backlog.client_values import Record
from resources.masking import Mask
from resources.problems.causes import Failure
from resources.records import odd_of
from resources.warehouse.people.forgetting import hold, learn
from resources.warehouse.state import sync_state
from resources.warehouse.state.locks import Locks
from sync.events import Events


@dataclass(frozen=True)
class Commit:
    """A transaction that writes records of the source, and how people are masked in them. Only
    `Store.commit` makes one.
    """

    connection: Connection
    mask: Mask


@dataclass(frozen=True)
class Store:
    """Opens the transactions of the load of a table, whatever they write: rows, how far something
    is read, what is requested or settled.

    `mask` is that of the time when the load began. Nothing is written once somebody else is
    forgotten: what the load has read of the warehouse may still name the person.
    """

    engine: Engine
    space_key: str
    mask: Mask
    locks: Locks
    events: Events
    log: Logger

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction that writes no records of the source, and commit it only if the load
        still holds its locks: no other load has begun meanwhile.

        Raises:
            WarehouseError: the server refused, somebody was forgotten, or the locks are lost; then
                nothing was written.
        """
        with self.commit(()) as commit:
            yield commit.connection

    @contextmanager
    def commit(self, records: Sequence[Record]) -> Iterator[Commit]:
        """Open a transaction as `transaction` does, in which records are written, odd ones
        included.

        New names by which these show people who are forgotten are noted first, in a transaction of
        their own: what is stored with such a name is erased before more is written.

        Raises:
            WarehouseError: as `transaction`; or a build of the marts does not end, which a new name
                waits for.
        """
        self.events.arrived()
        self._learn_names([*records, *(one.record for one in odd_of(records))])
        with self.engine.begin() as connection:
            forgotten = hold(connection, self.space_key, self.mask.forgotten.ids)
            yield Commit(connection, self.mask.but(forgotten))
            self.locks.verify()

    def note_failure(self, scope: str, project_id: int, failure: Failure) -> None:
        """Note why a project could not be read, also when the locks are lost: that may be why.

        Raises:
            WarehouseError: the server refused.
        """
        with self.engine.begin() as connection:
            sync_state.record_project_failures(
                connection, self.space_key, scope, [project_id], failure
            )

    def _learn_names(self, records: Sequence[object]) -> None:
        names = self.mask.new_names(records)
        changed = learn(self.engine, self.space_key, self.mask, names) if names else {}
        if changed:
            self.log.info(
                f"a new name of a forgotten person: {sum(changed.values())} rows were rewritten"
            )
