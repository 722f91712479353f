"""One load of one table, from start to end, alone on the table or the projects that it has locked.

The engine's functions take a `Session`: they read from its client, write in transactions of its
store and report what they do to its reporter. `open_session.py` makes it.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from logging import Logger

from sqlalchemy import Engine

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import Record
from resources.warehouse.raw.spec import TableSpec
from resources.warehouse.state import sync_state
from sync.events import Events
from sync.figures import Figures
from sync.month_windows import Calendar
from sync.reporter import Reporter
from sync.store import Store
from sync.sync_locks import SyncLocks
from sync.visible_projects import Project
from sync.writer import Writer


@dataclass(frozen=True)
class Session:
    """What a load of a table works with."""

    spec: TableSpec
    client: BacklogClient
    engine: Engine
    space: Record
    run_id: str
    log: Logger
    calendar: Calendar
    events: Events
    figures: Figures
    locks: SyncLocks
    store: Store
    writer: Writer
    reporter: Reporter
    #: Lists the projects once. No cached_property: before Python 3.12 its lock would make all
    #: other loads of the process wait.
    look: Callable[[], dict[int, Project]]
    #: Listed projects whose issues this load could not read: requests by id leave them out.
    refusing: set[int] = field(default_factory=set)

    @property
    def space_key(self) -> str:
        """The key of the space that is loaded."""
        return str(self.space["spaceKey"])

    @property
    def visible(self) -> dict[int, Project]:
        """The projects that the key could see when it first looked, archived ones included,
        by id.
        """
        return self.look()

    def project_of(self, key: str) -> Project | None:
        """Return the visible project that has the key now, or else had it before it was renamed."""
        current = next((project for project in self.visible.values() if project.key == key), None)
        if current:
            return current
        with self.engine.connect() as connection:
            former = sync_state.project_id_for_key(connection, self.space_key, key)
        return self.visible.get(former) if former is not None else None

    def covered(self, projects: Collection[Project]) -> list[str] | None:
        """Return the keys of the projects that a sync covers, for the history; None: the whole
        space, all of several projects.
        """
        ids = {project.id for project in projects}
        whole = len(ids) > 1 and ids >= self.visible.keys()
        return None if whole else sorted({project.key for project in projects})
