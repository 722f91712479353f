"""The only transactions of a load: they commit only while it holds its locks.

What is committed together, and what a load leaves that is killed before or after:

- A page of issues and the checkpoint behind it (`issue_batches.py`). The next load reads on from
  the checkpoint; a page that was under way is read again, and the merge makes it exactly once.
- Stored issues that a whole read has not met are proven and marked, with their comments and changes
  and with requests for their children (`lookups.py`), before a checkpoint passes them: the next
  load does not know what this one has met.
- The acknowledgement of requested issues (`lookups.py`), after the rows or marks that serve them.
  In between: they are read once more.
- The watermark of projects, their checkpoints cleared, and success (`watermarks.py`), last of all:
  a pass that was not finished is continued, or read again from the old watermark on. Where the rest
  of a whole read has ended, it moves to when the first try began: changes since then come next.
- Comments, their changes, how far their issues are read, and what that acknowledges
  (`comment_writes.py`). A whole read marks what is gone only at its end, and begins anew.
- A page of activities, what it requests, and how far the feed is read (`activity_writes.py`); where
  it reports a join, also that the project is not covered and its reads are forgotten. The requests
  of a gap come before the page that moves the cursor over it.
- A list, the marks of what it lacks, and requests for the issues that refer to these (`writer.py`).
- A settled entry of the quarantine, after the read that settles it. In between: one more try.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from logging import Logger

from sqlalchemy import Connection, Engine

from resources.backlog.client import BacklogClient
from resources.warehouse import sync_state
from resources.warehouse.forgetting import hold, learn
from resources.warehouse.locks import Locks
from sync.events import Events


@dataclass(frozen=True)
class Store:
    """Opens the transactions of the load of a table, whatever they write: rows, how far something
    is read, what is requested or settled.
    """

    client: BacklogClient
    engine: Engine
    space_key: str
    locks: Locks
    events: Events
    log: Logger

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction, and commit it only if the load still holds its locks: no other load
        has begun meanwhile.

        Raises:
            WarehouseError: the server refused, somebody was forgotten, or the locks are lost; then
                nothing was written.
        """
        self.events.arrived()
        self.learn_names()
        with self.engine.begin() as connection:
            mask = self.client.mask
            self.client.mask = mask.but(hold(connection, self.space_key, mask.forgotten))
            yield connection
            self.locks.verify()

    def note_failure(self, scope: str, project_id: int, error: str) -> None:
        """Note why a project could not be read, also when the locks are lost: that may be why.

        Raises:
            WarehouseError: the server refused.
        """
        with self.engine.begin() as connection:
            sync_state.record_project_failures(
                connection, self.space_key, scope, [project_id], error
            )

    def learn_names(self) -> None:
        """Note the names that the source has shown of people who are forgotten, and erase them
        where they are stored already.

        Raises:
            WarehouseError: the server refused, or a build of the marts does not end.
        """
        if self.client.mask.forgotten.met:
            self.client.mask, changed = learn(self.engine, self.space_key, self.client.mask)
            self.log.info(
                f"a new name of a forgotten person: {sum(changed.values())} rows were rewritten"
            )
